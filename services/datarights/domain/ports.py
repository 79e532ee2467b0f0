"""What the commands need from outside, as contracts. Implementations are in store/ and clients/.

The store lets libs.db's DatabaseUnavailable through.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

from libs.crypto.key_owner import KeyReference
from libs.crypto.reader_key import ReaderPublicKey
from libs.events.event import Event
from services.datarights.domain.request import Lease, Request
from wardenry.subject_data import Category, Erased, Obstacle, Row


class Requests(Protocol):
    """The requests of the subject that the unit of work is for."""

    async def add(self, request: Request) -> bool:
        """Stores a new one, to be worked on at once; False, and nothing stored, when its id is taken or one of its
        kind is under way."""
        ...

    async def find(self, request: UUID) -> Request | None: ...

    async def page(self, *, before: UUID | None, limit: int) -> Sequence[Request]:
        """Those below `before`, the greatest id first."""
        ...

    async def steps(self, request: UUID) -> Collection[str]:
        """What is done of it."""
        ...

    async def step(self, lease: Lease, step: str, *, at: datetime, until: datetime) -> None:
        """Records a step, once, and that the lease goes on `until`. Raises LeaseLost."""
        ...

    async def complete(self, lease: Lease, *, at: datetime, archive_expires_at: datetime | None) -> None:
        """It is done, or cannot be any more. Raises LeaseLost."""
        ...

    async def end_other_archives(self, lease: Lease, *, at: datetime) -> None:
        """Archives of the subject's other requests that nobody has fetched expire now: this one's is newer."""
        ...

    async def close_others(self, lease: Lease, *, at: datetime) -> None:
        """Every other request of the subject is over, and no archive of theirs can be fetched."""
        ...

    async def spend_archive(self, request: UUID, *, at: datetime) -> bool:
        """Claims the archive's one fetch, in one statement; False when it was claimed or has expired."""
        ...

    async def give_archive_back(self, request: UUID, *, spent_at: datetime) -> None:
        """The fetch that was claimed then did not take place, for no fault of the person's."""
        ...


class UnitOfWork(Protocol):
    """One transaction over one subject's rows. All of it takes effect, or nothing."""

    @property
    def requests(self) -> Requests: ...

    async def emit(self, event: Event) -> None:
        """Hands the event to the log, if and only if the transaction commits."""
        ...


class UnitsOfWork(Protocol):
    """Begins transactions."""

    def begin(self, subject: UUID) -> AbstractAsyncContextManager[UnitOfWork]:
        """Committed at the end of the block, rolled back when it raises."""
        ...


class Backlog(Protocol):
    """What is to be done, across subjects: a narrow role's view of the database."""

    async def take(self, *, lease: UUID, now: datetime, until: datetime) -> Lease | None:
        """Takes the request that is longest due; nobody else gets it before `until`. None when none is due."""
        ...

    async def extend(self, lease: Lease, *, until: datetime) -> None:
        """Nobody else gets it before `until`, if the lease still holds."""
        ...

    async def postpone(self, lease: Lease, *, until: datetime) -> None:
        """Gives it up until then, if the lease still holds."""
        ...

    async def archives_over(
        self, *, fetched_before: datetime, expired_before: datetime, after: tuple[UUID, UUID] | None, limit: int
    ) -> Sequence[tuple[UUID, UUID]]:
        """(subject, request) of archives that were fetched or have expired before these and are still in the object
        store, in their order, those after `after`."""
        ...

    async def archive_removed(self, subject: UUID, request: UUID, *, at: datetime) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonKey:
    """What datarights itself seals a person's gathered data under."""

    reference: KeyReference
    #: AES-256.
    symmetric: bytes = field(repr=False)


class Vault(Protocol):
    """Keys of people. Every method raises KeysUnavailable."""

    async def reference(self, subject: UUID) -> KeyReference:
        """The data key of (subject, platform). Raises PersonErased."""
        ...

    async def person_key(self, reference: KeyReference) -> PersonKey:
        """Raises PersonErased."""
        ...

    async def audit_key(self, subject: UUID) -> ReaderPublicKey:
        """What events seal the person's values to. Raises PersonErased."""
        ...

    async def tag_key(self, day: date) -> bytes | None:
        """The key of the platform log's search tags; None when it was destroyed."""
        ...

    async def destroy(self, subject: UUID, *, warrant: str) -> None:
        """Destroys the person's keys, everywhere and for ever, under a warrant for erasure. Repeating it is
        harmless."""
        ...


class Warrants(Protocol):
    """Session's warrants."""

    async def forget(self, *, subject: UUID, request: UUID) -> None:
        """The request is over: no warrant is signed for it any more. Repeating it is harmless. Raises
        WarrantsUnavailable."""
        ...

    async def authorize(self, bearer: str, *, request: UUID, right: str) -> None:
        """The person's leave, in their own name. Raises SignInAgain, RequestExists, WarrantsUnavailable."""
        ...

    async def warrant(self, *, subject: UUID, request: UUID) -> str:
        """A warrant for a request that was authorized. Raises WarrantsUnavailable."""
        ...


class Participants(Protocol):
    """The services that hold personal data, by name. Every method raises ParticipantUnavailable."""

    async def categories(self, participant: str) -> Sequence[Category]: ...

    async def obstacles(self, participant: str, *, subject: UUID, warrant: str) -> Sequence[Obstacle]: ...

    def rows(self, participant: str, *, subject: UUID, warrant: str) -> AsyncIterator[Row]: ...

    async def erase(self, participant: str, *, subject: UUID, warrant: str) -> Erased: ...


class Objects(Protocol):
    """The object store. Every method raises ObjectsUnavailable."""

    async def put(self, name: str, content: bytes) -> None:
        """Stores it whole, in the place of what was there."""
        ...

    async def get(self, name: str) -> bytes | None: ...

    async def remove(self, name: str) -> None:
        """Removing what is not there is no error."""
        ...

    async def remove_below(self, directory: str) -> None:
        """Removes everything whose name begins with the directory and a slash."""
        ...
