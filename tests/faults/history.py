"""What clients did while processes were killed, and what they were answered."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID


class Answer(StrEnum):
    """What is known of an act, once its client has given up or been answered."""

    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    #: No answer, or one that says "not now": it may have happened.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One try of something that leaves an entry when it succeeds. Tries of the same thing have the same key."""

    log: UUID
    #: The action of the entry.
    action: str
    #: What tells the entry: its target, the event's id, or what it was the how-manieth time done to.
    identity: str
    answer: Answer

    @property
    def key(self) -> "Key":
        return (self.log, self.action, self.identity)


Key = tuple[UUID, str, str]


@dataclass(slots=True)
class History:
    """Everything that happened, in the order of the answers."""

    acts: list[Act] = field(default_factory=list)
    #: What a client saw itself and must not have: served after a revocation, refused without a reason. In words.
    seen: list[str] = field(default_factory=list)
    #: Uses of what had been revoked, by how they were answered.
    tried_after_revocation: Counter[str] = field(default_factory=Counter)
    #: Sessions that ended because the answer to a refresh was lost for longer than the grace lasts.
    lost_in_grace: int = 0
    #: Accounts that were locked because sign-ins to them were cut off.
    locked_out: int = 0
    #: Sign-ins without an answer: their session's id is not known to the client.
    unanswered_sign_ins: int = 0

    def outcomes(self) -> dict[Key, Answer]:
        """The tries of each thing as one: acknowledged if any was, else unknown if any was, else refused."""
        together: dict[Key, set[Answer]] = {}
        for act in self.acts:
            together.setdefault(act.key, set()).add(act.answer)
        return {key: worst(answers) for key, answers in together.items()}


def worst(answers: Iterable[Answer]) -> Answer:
    """The one of several answers that binds most."""
    got = set(answers)
    return next(each for each in (Answer.ACKNOWLEDGED, Answer.UNKNOWN, Answer.REFUSED) if each in got)
