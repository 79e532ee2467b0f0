"""What the commands need of the world, and what they may rely on."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime
from typing import Protocol, TypeVar
from uuid import UUID

from libs.crypto.key_owner import Destroyed, KeyOwner, KeyReference
from libs.crypto.reader_key import ReaderPublicKey
from libs.crypto.sealing import AssociatedData
from libs.events.event import Event
from services.identity.domain.attempt import Account, Failure, Reservation
from services.identity.domain.data_key import NewDataKey, StoredDataKey, StoredWorkspaceKey
from services.identity.domain.destruction import Remains
from services.identity.domain.device import Device
from services.identity.domain.mail import OutgoingMail
from services.identity.domain.registration import Registration
from services.identity.domain.subject import Credential, KnownDevice, Subject
from services.identity.domain.ticket import Redemption, Ticket

_T = TypeVar("_T")


class Attempts(Protocol):
    """Counts failures against accounts, known or not. Never under-counts, whatever runs in parallel."""

    async def reserve(self, account: Account, *, now: datetime) -> Reservation:
        """Counts an attempt before it is made, in the statement that checks whether it may be.

        Raises AuthenticationDelayed.
        """
        ...

    async def fail(self, reservation: Reservation, *, now: datetime) -> Failure:
        """The attempt failed: delays the next."""
        ...

    async def clear(self, account: Account) -> None:
        """An attempt succeeded: failures count from nothing again."""
        ...


class Registrations(Protocol):
    async def add(self, registration: Registration) -> bool:
        """False when there is one of this id already; nothing changed then."""
        ...

    async def get(self, registration_id: UUID) -> Registration | None: ...

    async def take_try(self, registration_id: UUID, *, now: datetime) -> Registration | None:
        """Counts one try of a code. None when none is left, the code was spent, or it expired."""
        ...

    async def complete(self, registration_id: UUID, *, now: datetime) -> bool:
        """Spends the registration. False when that has happened before."""
        ...


class Subjects(Protocol):
    async def add(self, subject: Subject, *, address_tag: bytes, password_hash: str) -> bool:
        """The person with address and password. False when the address is another's: then the caller rolls back."""
        ...

    async def get(self, subject_ids: Collection[UUID]) -> list[Subject]:
        """Those that exist, in no order."""
        ...

    async def credential(self, subject_id: UUID) -> Credential | None: ...

    async def replace_password(self, subject_id: UUID, *, old: str, new: str, now: datetime) -> int | None:
        """A new password: raises the epoch and returns it. None when `old` is no longer the hash."""
        ...

    async def renew_hash(self, subject_id: UUID, *, old: str, new: str) -> None:
        """Another hash of the same password; nothing happens when `old` is no longer the hash."""
        ...


class Devices(Protocol):
    async def add(self, device: Device) -> bool:
        """False, and nothing is stored, when its subject was erased; an erasure that is under way is waited for."""
        ...


class Tickets(Protocol):
    async def add(self, ticket: Ticket) -> None: ...

    async def redeem(
        self, *, subject_id: UUID, ticket_hash: bytes, browser_binding: bytes, redemption_id: UUID, now: datetime
    ) -> Redemption | None:
        """Spends the ticket, in one statement, if it is alive, of this browser and of the subject's epoch, and was not
        spent by another redemption."""
        ...


class Mails(Protocol):
    async def add(self, mail: OutgoingMail, *, now: datetime) -> None:
        """Stores a mail that is due at once."""
        ...


class SubjectData(Protocol):
    """What is held about a person besides the subject."""

    async def devices(self, subject_id: UUID) -> Sequence[KnownDevice]: ...

    async def password_changed_at(self, subject_id: UUID) -> datetime | None: ...

    async def rename(self, subject_id: UUID, *, old: bytes, new: bytes) -> bool:
        """Another sealed name; False when `old` is no longer the one."""
        ...

    async def epoch(self, subject_id: UUID) -> int | None: ...

    async def empty(self, subject_id: UUID, *, now: datetime) -> int | None:
        """Makes the subject nobody, raises the epoch and returns it; None when that has happened before."""
        ...

    async def remove(self, subject_id: UUID) -> int:
        """Removes address, password, devices and tickets, and frees the address. How many rows."""
        ...


class UnitOfWork(Protocol):
    """One transaction: all of it is committed at its end, or nothing when its body raises."""

    @property
    def attempts(self) -> Attempts: ...
    @property
    def registrations(self) -> Registrations: ...
    @property
    def subjects(self) -> Subjects: ...
    @property
    def subject_data(self) -> SubjectData: ...
    @property
    def devices(self) -> Devices: ...
    @property
    def tickets(self) -> Tickets: ...
    @property
    def mails(self) -> Mails: ...

    async def emit(self, *events: Event) -> None:
        """Reports events: they are sent if and only if the transaction commits."""
        ...

    async def report_destruction(self, destruction_id: bytes, *, now: datetime) -> bool:
        """False when this destruction was reported before."""
        ...


class Store(Protocol):
    """Identity's database. Every method raises DatabaseUnavailable (libs.db.errors)."""

    def transaction(self, *contexts: UUID) -> AbstractAsyncContextManager[UnitOfWork]:
        """Sees the rows of these subjects and registrations, and no others."""
        ...

    async def find_account(
        self, address_tag: bytes, *, device_token_hash: bytes, now: datetime
    ) -> tuple[UUID | None, UUID | None]:
        """The subject that holds the address, and its known device with this token."""
        ...

    async def find_ticket(self, ticket_hash: bytes) -> UUID | None:
        """The subject of a ticket."""
        ...


class MailQueue(Protocol):
    """The mails that wait. Used by the delivery job alone."""

    async def take(self, *, now: datetime, most: int) -> list[OutgoingMail]:
        """Mails that are due; each is due again later unless it is removed, so that a crash loses none. Drops expired
        ones."""
        ...

    async def remove(self, mail_id: UUID) -> None: ...


class Expiry(Protocol):
    async def remove_expired(self, *, now: datetime) -> int:
        """Deletes what is of no use any more: tickets, registrations, devices, old failures. How many rows."""
        ...


class Hashing(Protocol):
    """A place among the passwords that this process hashes at once."""

    async def hash(self, password: bytes) -> str:
        """A new hash of the current cost."""
        ...

    async def verify(self, password: bytes, hashed: str | None) -> bool:
        """Whether the hash is this password's. Takes the same time for a hash of a lower cost, and for none."""
        ...


class PasswordHasher(Protocol):
    async def admit(self, work: Callable[[Hashing], Awaitable[_T]]) -> _T:
        """What `work` returns or raises; it begins when its turn has come.

        Who gives up while waiting has begun nothing. Afterwards the work goes on without its caller: a password that
        was counted is also judged. Raises HashingBusy at once when too many wait already.
        """
        ...

    def is_outdated(self, hashed: str) -> bool:
        """Whether the hash has a lower cost than new ones get."""
        ...


class Sessions(Protocol):
    """Session, the service."""

    async def end_subject(self, subject_id: UUID, *, epoch: int, keep: UUID | None) -> None:
        """Ends the subject's sessions below the epoch but for one; returns once they are refused everywhere.

        Raises SessionsUnavailable.
        """
        ...


class LogKeys(Protocol):
    """What events are sealed to and tagged with. Both raise KeyDestroyed (libs.crypto.errors)."""

    async def visitor_key(self, log: UUID, day: date) -> ReaderPublicKey:
        """Audit's key for everybody without a factor, in this log on this day (UTC)."""
        ...

    async def tag_key(self, workspace: UUID, day: date) -> bytes:
        """The key of the log's search tags in the month of this day (UTC)."""
        ...


class PersonalData(Protocol):
    """Identity's own sealed values: seals and opens under what it derives from data keys."""

    async def key_of(self, owner: KeyOwner) -> KeyReference:
        """The owner's data key; there is one after. Raises KeyDestroyed."""
        ...

    async def audit_key(self, owner: KeyOwner) -> ReaderPublicKey:
        """What events seal the owner's values to. Raises KeyDestroyed."""
        ...

    async def seal(self, reference: KeyReference, values: Sequence[tuple[AssociatedData, bytes]]) -> list[bytes]:
        """The values, each sealed for its place. Raises KeyDestroyed."""
        ...

    async def open(self, values: Sequence[tuple[KeyReference, AssociatedData, bytes]]) -> list[bytes | Destroyed]:
        """The values in clear, in their order. Raises SealBroken for one that is not of its place."""
        ...


class VaultStore(Protocol):
    """The vault's database. Every method raises DatabaseUnavailable (libs.db.errors)."""

    async def find(self, owners: Sequence[KeyOwner]) -> list[StoredDataKey | Destroyed | None]:
        """In the order of the owners; None where there is none yet. Destroyed too where subject or workspace is, key or
        not."""
        ...

    async def find_references(self, references: Sequence[KeyReference]) -> list[StoredDataKey | Destroyed]:
        """In the order of the references. An unknown one is answered as a destroyed one."""
        ...

    async def find_workspace_keys(self, workspaces: Collection[UUID]) -> dict[UUID, StoredWorkspaceKey]:
        """Those that exist, destroyed ones too."""
        ...

    async def add_workspace_keys(self, keys: Sequence[StoredWorkspaceKey], *, now: datetime) -> None:
        """Adds them where the workspace has none: the first to add wins."""
        ...

    async def add(self, keys: Sequence[NewDataKey], *, now: datetime) -> None:
        """Adds them where the owner has none and neither subject nor workspace was destroyed: the first to add wins."""
        ...

    async def adopt(self, *, invitation_id: UUID, workspace_id: UUID, subject_id: UUID, now: datetime) -> None:
        """The invitation's key becomes the person's; it is destroyed at once if the person's is. Repeating it is
        harmless."""
        ...

    async def destroy_workspace(self, workspace_id: UUID, *, now: datetime) -> int:
        """Destroys the workspace's key and every data key under it. How many data keys."""
        ...

    async def destroy_subject(self, subject_id: UUID, *, workspace_id: UUID | None, now: datetime) -> int:
        """Destroys the person's data keys, adopted ones too, in one workspace, or in all and for ever. How many."""
        ...


class Destructions(Protocol):
    """What destroyed keys leave in the files of the vault's database. Every method raises DatabaseUnavailable."""

    async def remaining(self) -> Sequence[Remains]:
        """What some file may still hold, the oldest first."""
        ...

    async def rewrite(self, destructions: Collection[int], *, at: datetime) -> bool:
        """Rewrites the tables without dead rows, and notes that for these. False, and nothing is noted, when that is
        not possible now: somebody has them open, or may still see dead rows, which were copied then."""
        ...

    async def end_wal(self, *, at: datetime) -> int:
        """Lets the WAL up to now end, and notes which of those whose tables are rewritten no file of it holds. How
        many."""
        ...
