"""How the parts of a deployment are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.operator.domain.told import Told

#: What is said first of a deployment that is deserted: the rest follows from it.
DESERTED = "Nothing answers: nothing seems to run here. Start the local stack: make run."


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A server's certificate."""

    names: tuple[str, ...]
    ends_at: datetime

    def days_left(self, now: datetime) -> int:
        """Whole days; negative once it has ended."""
        return (self.ends_at - now) // timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """What a server showed in a TLS handshake, and whether it is to be trusted."""

    #: None when it could not be seen.
    certificate: Certificate | None
    #: Why there is no certificate, or none that we trust, in words; empty otherwise.
    trouble: str = ""
    #: Whether somebody was there: who refuses us is.
    answered: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What a service answers about itself."""

    #: Whether it answered at all.
    reachable: bool
    #: Whether what it needs is there; false too for one that is not reachable.
    ready: bool
    #: Seconds from the question to the answer, over a connection that was there; None without an answer.
    latency: float | None
    #: Why it is not reachable, in words; empty otherwise.
    trouble: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the gateway answers over HTTPS to who asks whether it is there."""

    reachable: bool
    latency: float | None
    #: By how much its clock is ahead of ours, at least; negative: behind. None when it does not tell the time.
    skew: timedelta | None = None
    trouble: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogHead:
    """The platform log's newest checkpoint, which was found to be signed by the deployment."""

    origin: str
    size: int
    #: When it was signed, by audit's clock.
    signed_at: datetime
    #: Keys that sign nothing any more and are published as present ones, while the log does not say that they ended.
    ending: tuple[str, ...] = ()


class LogUnreadable(Exception):
    """The platform log's checkpoint cannot be had, or is not what it should be. The text says why, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One server of the deployment."""

    name: str
    #: host:port of a service; the origin of the gateway.
    address: str
    health: Health
    presented: Presented
    #: What a service tells of its clock and queues; None when it did not, and for the gateway.
    told: Told | None = None
    #: Why a service that answers did not tell, in words; empty otherwise.
    untold: str = ""

    @property
    def trouble(self) -> str:
        """Why it cannot be worked with, in words; empty for one that is as it should be."""
        if not self.health.reachable:
            # The handshake knows better than the call why there was none.
            return self.presented.trouble or self.health.trouble
        return self.presented.trouble or ("" if self.health.ready else "something that it needs is not there")


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How everything was at one moment."""

    at: datetime
    #: The services in order, then the gateway.
    parts: Sequence[Part]
    #: The gateway's clock, among others.
    gateway: Answer
    #: None when it could not be had.
    log: LogHead | None
    #: Why not; empty otherwise.
    log_trouble: str = ""

    @property
    def well(self) -> bool:
        """Whether every part is as it should be."""
        return self.log is not None and not any(part.trouble for part in self.parts)

    @property
    def told(self) -> Mapping[str, Told]:
        """What each service told that did, in their order."""
        return {part.name: part.told for part in self.parts if part.told is not None}

    @property
    def answers(self) -> bool:
        """Whether any part does."""
        return any(part.health.reachable for part in self.parts)

    @property
    def deserted(self) -> bool:
        """Whether nobody is there at any address, not even to refuse us."""
        return not self.answers and not any(part.presented.answered for part in self.parts)
