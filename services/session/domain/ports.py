"""What session needs of the world, as contracts.

Methods that reach a store or another service raise its unavailability: the store lets libs.db's DatabaseUnavailable
through, clients raise DependencyUnavailable.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Protocol
from uuid import UUID

from libs.crypto.reader_key import ReaderPublicKey
from libs.events.event import Event
from services.session.domain.grant import Grant, NewGrant, Use
from services.session.domain.membership import Membership, Standing
from services.session.domain.session import Authentication, EndReason, HeldSession, ListedSession, NewSession
from services.session.domain.signing_key import SigningKey
from services.session.domain.warrant import Authorization


class Sessions(Protocol):
    """The sessions of the subject that the unit of work is for."""

    async def add(self, session: NewSession) -> datetime:
        """Stores it; answers the database's time. Raises SessionExists."""
        ...

    async def lock(self, session: UUID) -> "LiveSession | None":
        """The session, if it lives, locked against its end until the unit of work is over."""
        ...

    async def holder(self, session: UUID, workspace: UUID | None) -> "Holder | None":
        """Who holds a token of the session in this workspace (None: in none); None when the session has ended."""
        ...

    async def end(self, sessions: Collection[UUID] | None, *, but: UUID | None, reason: EndReason) -> Sequence[UUID]:
        """Ends those of `sessions` (None: all) that live, except `but`; answers which. When the unit of work has
        committed, no refresh of theirs commits any more."""
        ...

    async def end_below(self, epoch: int, *, keep: UUID | None, reason: EndReason) -> Sequence[UUID]:
        """As `end`, for those of a lower epoch; `keep`, if it lives, moves to the epoch instead."""
        ...

    async def page(self, *, before: UUID | None, size: int) -> Sequence[ListedSession]:
        """Live sessions, newest (greatest id) first, those after `before`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSession:
    """What a live session lends to its grants and tokens."""

    subject_epoch: int
    amr: tuple[str, ...]
    acr: str
    authenticated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """What events about the holder of a token need."""

    #: Audit's key for (subject, workspace or platform).
    audit_key: ReaderPublicKey
    device_binding: bytes = field(repr=False)
    #: The session's.
    subject_epoch: int


class Grants(Protocol):
    """The grants of the subject that the unit of work is for."""

    async def add(self, grant: NewGrant) -> Grant:
        """Stores it, and ends the live one of the same session, client and workspace. Raises GrantExists."""
        ...

    async def end(self, grant: UUID) -> bool:
        """Ends it; False when it had ended."""
        ...


class Subjects(Protocol):
    """The epoch of the subject that the unit of work is for."""

    async def check(self, epoch: int) -> None:
        """Returns, with the subject locked, when `epoch` is not below the least valid one. Raises TicketInvalid."""
        ...

    async def raise_to(self, epoch: int) -> bool:
        """Raises the least valid epoch; False when it is as high already."""
        ...


class Revocations(Protocol):
    """What validators are told to refuse."""

    async def revoke_sessions(self, sessions: Collection[UUID]) -> None:
        """Adds sessions to the feed."""
        ...

    async def revoke_below(self, epoch: int) -> None:
        """Adds the subject's epoch to the feed."""
        ...

    async def settled(self) -> None:
        """To be awaited when the unit of work has ended, before what it did is acknowledged: returns when no validator
        accepts any more what was revoked in it, or before it by others, within a second. Does not raise."""
        ...


class Warrants(Protocol):
    """What the subject that the unit of work is for authorized."""

    async def add(self, authorization: Authorization) -> None:
        """Remembers it from now on; nothing happens when there is one for the request."""
        ...

    async def find(self, request: UUID, *, within: timedelta) -> Authorization | None:
        """What was authorized for the request in this time."""
        ...

    async def remove(self, request: UUID) -> None:
        """Nothing is authorized for the request any more."""
        ...


class SubjectData(Protocol):
    """Everything that is held about the subject that the unit of work is for."""

    async def all(self) -> Sequence[HeldSession]:
        """Sessions, ended ones too, the oldest first."""
        ...

    async def remove_ended(self) -> int:
        """Removes sessions that have ended, with their grants. How many rows."""
        ...


class UnitOfWork(Protocol):
    """One transaction over one subject's rows."""

    @property
    def sessions(self) -> Sessions: ...
    @property
    def grants(self) -> Grants: ...
    @property
    def subjects(self) -> Subjects: ...
    @property
    def revocations(self) -> Revocations: ...
    @property
    def warrants(self) -> Warrants: ...
    @property
    def subject_data(self) -> SubjectData: ...

    async def emit(self, event: Event) -> None:
        """Writes the event to be sent, in this transaction."""
        ...


class UnitsOfWork(Protocol):
    """Begins transactions."""

    def begin(self, subject: UUID) -> AbstractAsyncContextManager[UnitOfWork]:
        """Commits at the end of the block, rolls back when it raises."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """One grant's part in a batch of refreshes: applies if the grant still is as it was read."""

    grant: Grant
    use: Use
    standing: Standing | None
    event: Event
    #: The event, frozen: wardenry.events.v1.Envelope.
    envelope: bytes = field(repr=False)
    #: W3C trace context of the call.
    traceparent: str | None


class RefreshStore(Protocol):
    """The two round trips of a batch of refreshes."""

    async def find(self, keys: Sequence[tuple[UUID, UUID]]) -> Mapping[tuple[UUID, UUID], Grant]:
        """Grants by (subject, grant), from one snapshot; unknown ones are left out."""
        ...

    async def rotate(self, rotations: Sequence[Rotation], *, key_version: int, pace: timedelta) -> Mapping[int, int]:
        """Makes each rotation whose grant still is as it was read, with its event, all in one transaction; answers
        the subject's epoch by position in the sequence. At most one rotation a grant. One that uses the current token
        takes `pace` of the grant's burst."""
        ...


class Judged(Protocol):
    """What is judged of a token whose signature holds."""

    @property
    def subject(self) -> UUID: ...

    @property
    def session(self) -> UUID: ...

    @property
    def subject_epoch(self) -> int: ...


class Judge(Protocol):
    """Judges tokens by the database, as it is after the call began."""

    async def live(self, tokens: Sequence[Judged]) -> Sequence[bool]:
        """Whether session and epoch are good, in order."""
        ...


class SigningKeys(Protocol):
    """The stored signing keys."""

    async def all(self) -> tuple[Sequence[SigningKey], datetime]:
        """Every key, and the database's time."""
        ...


class SigningKeyRotation(Protocol):
    """Changes the stored signing keys, under the jobs' role."""

    def begin(self) -> AbstractAsyncContextManager["SigningKeyChange"]:
        """One replica at a time."""
        ...


class SigningKeyChange(Protocol):
    """One change, committed at the end."""

    async def all(self) -> tuple[Sequence[SigningKey], datetime]: ...

    async def advance(self) -> None:
        """Retires the current key and makes the next one current."""
        ...

    async def add(self, key: SigningKey) -> None: ...

    async def forget(self, key_ids: Sequence[str]) -> None: ...


class Past(Protocol):
    """What is over and may be forgotten, across subjects; under the jobs' role."""

    async def forget_revocations(self, *, older_seconds: float) -> int:
        """Deletes rows that no living token can be concerned by; answers how many."""
        ...

    async def forget_sessions(self) -> int:
        """Deletes sessions that ended or expired a day ago, with their grants; answers how many."""
        ...

    async def forget_warrants(self) -> None:
        """Deletes authorizations older than a request may take."""
        ...


class Tickets(Protocol):
    """Identity's tickets."""

    async def redeem(self, *, ticket: bytes, browser_binding: bytes, session: UUID) -> Authentication:
        """Spends the ticket for this session; repeating it for the same session answers the same.

        Raises TicketInvalid, DependencyUnavailable.
        """
        ...


class Memberships(Protocol):
    """Tenancy's memberships, asked for."""

    async def get(self, keys: Collection[tuple[UUID, UUID]]) -> Mapping[tuple[UUID, UUID], Membership]:
        """Those of (subject, workspace) that exist, from one snapshot. Raises DependencyUnavailable."""
        ...


class MembershipFeed(Protocol):
    """Tenancy's memberships, as its feed tells them."""

    def standing(self, subject: UUID, workspace: UUID, known: Standing) -> "FeedAnswer":
        """What the feed says about a standing that was read earlier."""
        ...

    def refuses(self, subject: UUID, workspace: UUID, epoch: int) -> bool | None:
        """Whether a token of this membership epoch is void; None when the feed is stale."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedAnswer:
    """Either an answer, or none: the feed is stale or does not reach back to when the standing was read."""

    #: The feed knows.
    certain: bool
    #: The standing now, when it knows; None for a membership that has ended.
    standing: Standing | None = None


class TagKeys(Protocol):
    """Keys of search tags."""

    async def key(self, log: UUID, day: date) -> bytes | None:
        """The key of (log, month of this day); None when the vault does not answer soon or that key is gone. Never
        raises: an event without tags is better than no event."""
        ...


class Seals(Protocol):
    """Session's own sealed values: the address and user agent that a session was begun from."""

    async def seal(self, session: UUID, key: ReaderPublicKey, values: Mapping[str, str]) -> Mapping[str, bytes]:
        """By name, sealed under session's own key of the data key that `key` names. Raises DependencyUnavailable."""
        ...

    async def open(self, sealed: "Sequence[SealedRow]") -> Sequence[Mapping[str, str]]:
        """Rows as they were sealed; empty values where the key was destroyed. Raises DependencyUnavailable."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedRow:
    """Sealed values of one session."""

    session: UUID
    key: ReaderPublicKey
    values: Mapping[str, bytes]
