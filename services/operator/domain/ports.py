"""What the operator's use cases need of the outside. Clients fulfil it; each docstring is the contract."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from services.operator.domain.founding import Founding
from services.operator.domain.parked import Retried, SetAside
from services.operator.domain.status import Answer, Certificate, Health, LogHead, Presented
from services.operator.domain.told import Told


class Places(Protocol):
    """Where the parts of the deployment are."""

    @property
    def gateway(self) -> str:
        """The gateway's https origin."""
        ...

    def address(self, service: str) -> str:
        """host:port of a gRPC service."""
        ...


class HealthChecks(Protocol):
    async def check(self, service: str) -> Health:
        """How the gRPC service of that name is. One that does not answer is an answer too; nothing is raised."""
        ...


class Tellers(Protocol):
    async def of(self, service: str) -> Told:
        """What the gRPC service of that name tells of its clock and queues. Raises Unseen."""
        ...


class ParkedRecords(Protocol):
    """What consumers set aside. Each method raises wardenry.errors.error types."""

    async def page(self, consumer: str, *, reason: str, token: str) -> tuple[Sequence[SetAside], str]:
        """The oldest that stand after this token ("": the first), of one reason or of all (""), and the token of the
        next page, or ""."""
        ...

    def retry(self, consumer: str) -> AsyncIterator[Retried]:
        """Has the consumer take in again what failed: each as soon as it is known what became of it."""
        ...


class Certificates(Protocol):
    """Certificates as servers present them. What is wrong with one, or in its way, is an answer; nothing is raised."""

    async def of_service(self, service: str) -> Presented: ...

    async def of_gateway(self) -> Presented: ...


class Gateway(Protocol):
    async def check(self) -> Answer:
        """How the gateway is over HTTPS. One that does not answer is an answer too; nothing is raised."""
        ...


class PlatformLog(Protocol):
    async def head(self) -> LogHead:
        """The newest checkpoint. Raises LogUnreadable, also for one that the deployment's keys did not sign."""
        ...


class Platform(Protocol):
    async def invite_founder(self, *, invitation_id: UUID, address: str, name: str) -> Founding:
        """Invites the platform's first owner, and voids every earlier invitation of this kind; `name` is the
        workspace's, or empty. Raises AlreadyFounded, FoundingRefused, wardenry.errors.error types."""
        ...


class Unseen(Exception):
    """Something could not be looked at. The text says what and why, a clause for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """What session does, and what the gateway publishes of it."""

    #: `iss` of the tokens.
    issuer: str
    #: Ids of session's keys, and of the published ones.
    known: frozenset[str]
    published: frozenset[str]


class Tokens(Protocol):
    async def issued(self) -> Issued:
        """What tokens are like now. Raises Unseen."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Handshakes:
    """Many handshakes with every server, by clients of which most must be refused."""

    count: int
    #: Where and what is wrong.
    broken: Sequence[tuple[str, str]]
    #: What could not be seen, and why.
    unknown: Sequence[str]


class Transport(Protocol):
    async def handshakes(self) -> Handshakes: ...


class OwnFiles(Protocol):
    """The files that this command works with."""

    def modes(self) -> Sequence[tuple[str, int, bool]]:
        """Path, mode, and whether it is a secret."""
        ...

    def certificates(self) -> Sequence[tuple[str, Certificate]]:
        """Our own certificate and the authorities, each with whose it is."""
        ...
