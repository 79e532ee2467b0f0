"""What the commands need from outside, as contracts. Implementations are in store/ and clients/."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from libs.crypto.reader_key import ReaderPublicKey
from libs.events.event import Event
from services.tenancy.domain.caller import Standing
from services.tenancy.domain.invitation import Adoption, DueMail, Invitation
from services.tenancy.domain.membership import Contact, Membership, MembershipKey, MembershipView, Roster
from services.tenancy.domain.workspace import Workspace
from wardenry.permissions import Role


class Workspaces(Protocol):
    """Workspaces, within the transaction's scope."""

    async def add(self, workspace: Workspace) -> bool:
        """Stores a new one; False, and nothing stored, when its id is taken. Raises SlugTaken."""
        ...

    async def find(self, workspace: UUID) -> Workspace | None: ...

    async def lock(self, workspace: UUID) -> Workspace | None:
        """The workspace as it is now and stays until the transaction ends. Needs an administrator's standing."""
        ...

    async def find_all(self) -> list[Workspace]:
        """All in scope, by id."""
        ...

    async def rename(self, workspace: UUID, name: str) -> None: ...


class Memberships(Protocol):
    """Memberships, within the transaction's scope."""

    async def find(self, workspace: UUID, subject: UUID) -> Membership | None:
        """The membership, present or ended."""
        ...

    async def roster(self, workspace: UUID, subjects: Collection[UUID]) -> Roster:
        """The memberships of these subjects and of all owners, as they are now and stay until the transaction ends.
        Locks them in the order of their keys."""
        ...

    async def is_alone(self, workspace: UUID, subject: UUID) -> bool:
        """Whether nobody else is a member now. Under the roster's lock it stays so until the transaction ends."""
        ...

    async def add(self, membership: Membership) -> None:
        """Stores a subject's first membership in the workspace. Raises MemberAlready when there is one, even ended."""
        ...

    async def change(self, membership: Membership) -> None:
        """Stores a changed membership, whose epoch is one above the stored one, and tells the feed."""
        ...

    async def settled(self) -> None:
        """To be awaited when the unit of work has ended, before what it did is acknowledged: returns when nobody who
        follows the feed judges by less than what was changed in it, or before it by others, within a second. Does
        not raise."""
        ...

    async def page(self, workspace: UUID, *, after: UUID | None, limit: int) -> list[Membership]:
        """The present ones, by subject id, later than `after`."""
        ...

    async def untagged(self, workspace: UUID, *, after: UUID | None, limit: int) -> list[Membership]:
        """The present ones whose address has no blind index yet, by subject id, later than `after`."""
        ...

    async def tag(self, workspace: UUID, tags: Sequence[tuple[Membership, bytes]]) -> None:
        """Stores the blind indexes of these memberships' addresses, of those that are as they were read. Needs an
        administrator's standing."""
        ...

    async def views(self, keys: Sequence[MembershipKey]) -> tuple[list[MembershipView], datetime]:
        """The present ones among these, with their workspaces' policies, and the database's time of that snapshot."""
        ...

    async def roles(self, keys: Sequence[MembershipKey]) -> Mapping[MembershipKey, Role]:
        """The roles of the present ones among these."""
        ...


class Invitations(Protocol):
    """Invitations, within the transaction's scope. Everything here needs an administrator's standing."""

    async def release(self, workspace: UUID, address_tag: bytes, *, now: datetime) -> None:
        """Lets expired invitations of the address make room for another one."""
        ...

    async def add(self, invitation: Invitation, *, member_tag: bytes, mail_due_at: datetime) -> bool:
        """Stores a new one, to be mailed; False, and nothing stored, when its id is taken, another one to its address
        is open, or a member has the address, whose blind index among members' is `member_tag`."""
        ...

    async def check_unknown(self, workspace: UUID, address_tag: bytes, *, member_tag: bytes, now: datetime) -> None:
        """Raises AddressOfMember when a member has the address, AddressInvited when an invitation to it is open."""
        ...

    async def add_founding(self, invitation: Invitation, *, mail_due_at: datetime) -> bool:
        """Stores one without an inviter, to be mailed; False, and nothing stored, when the workspace has or had any
        member, another one like it is open, or its id is taken."""
        ...

    async def void_founding(self, workspace: UUID, *, at: datetime) -> Sequence[Invitation]:
        """Revokes those without an inviter that nobody accepted, and waits for whoever is accepting one. What it
        revoked."""
        ...

    async def find(self, workspace: UUID, invitation: UUID) -> Invitation | None: ...

    async def lock(self, workspace: UUID, invitation: UUID) -> Invitation | None:
        """The invitation as it is now and stays until the transaction ends."""
        ...

    async def page(
        self, workspace: UUID, *, now: datetime, before: tuple[datetime, UUID] | None, limit: int
    ) -> list[Invitation]:
        """The open ones, newest first, by (created_at, id) below `before`."""
        ...

    async def accept(self, invitation: Invitation, *, subject: UUID, at: datetime) -> bool:
        """Spends it; False when it is not open any more."""
        ...

    async def revoke(self, invitation: Invitation, *, at: datetime) -> bool:
        """Revokes it, or declines it; False when it is not open any more."""
        ...


class SubjectData(Protocol):
    """What is held about a person, within the transaction's scope."""

    async def memberships(self, subject: UUID) -> Sequence[Membership]:
        """Present and ended, by workspace."""
        ...

    async def accepted(self, workspace: UUID, subject: UUID) -> Sequence[UUID]:
        """The invitations that the subject accepted."""
        ...

    async def remove_accepted(self, workspace: UUID, subject: UUID) -> int:
        """Removes them; how many."""
        ...

    async def replace_contact(self, membership: Membership, contact: bytes) -> bool:
        """Another sealed contact; False when the membership's is no longer the one, or it has ended."""
        ...

    async def addressed(self, workspace: UUID, address_tag: bytes) -> Sequence[UUID]:
        """The invitations of an address, whatever became of them."""
        ...

    async def bar(self, subject: UUID, *, at: datetime) -> None:
        """The subject joins nothing from now on. Waits for whatever of theirs is joining: once this is committed, what
        they are in is all that they will be in."""
        ...

    async def unbar(self, subject: UUID) -> None:
        """The subject may join again: the erasure did not take place."""
        ...

    async def check_may_join(self, subject: UUID) -> None:
        """Raises SubjectUnknown when the subject is barred; they are not, until the transaction ends, when it does
        not."""
        ...


class UnitOfWork(Protocol):
    """One transaction. What it reads, writes and emits takes effect together, or not at all."""

    @property
    def workspaces(self) -> Workspaces: ...

    @property
    def memberships(self) -> Memberships: ...

    @property
    def invitations(self) -> Invitations: ...

    @property
    def subject_data(self) -> SubjectData: ...

    async def emit(self, event: Event) -> None:
        """Hands the event to the log, in the trace of the running call, if and only if the transaction commits."""
        ...


class Store(Protocol):
    """Tenancy's database."""

    def begin(
        self, *, workspaces: Collection[UUID], subject: UUID | None = None, standing: Standing = ""
    ) -> AbstractAsyncContextManager[UnitOfWork]:
        """A transaction that sees these workspaces alone, as this subject, with this standing.

        Committed at the end of the block, rolled back when it raises.
        """
        ...

    async def workspace_of_slug(self, slug: str) -> UUID | None: ...

    async def workspaces_of(self, subject: UUID, *, after: UUID | None, limit: int) -> list[UUID]:
        """The workspaces that the subject is a member of, by id, later than `after`."""
        ...

    async def past_workspaces_of(self, subject: UUID) -> list[UUID]:
        """The workspaces that the subject is or was a member of, by id."""
        ...

    async def workspace_of_invitation(self, invitation: UUID, secret_hash: bytes) -> UUID | None:
        """The workspace of the invitation that has this id and secret."""
        ...


class Backlog(Protocol):
    """What is to be done later, across workspaces: a narrow role's view of the database."""

    async def next_mail(self, *, now: datetime, secret_hash: bytes) -> DueMail | None:
        """Takes the open invitation whose mail is longest due: its secret is the one of this hash from now on, earlier
        mails of it are void, and it is due again after a pause unless `mailed` is told. None when none is due.
        Each is taken by one caller."""
        ...

    async def mailed(self, mail: DueMail, *, at: datetime | None) -> None:
        """The mail is out, or (None) will never be: it is not due any more."""
        ...

    async def unadopted(self, *, limit: int) -> list[Adoption]:
        """Accepted invitations whose key is not adopted yet, oldest first."""
        ...

    async def adopted(self, adoption: Adoption, *, at: datetime) -> None: ...

    async def prune(self) -> None:
        """Deletes changes that no valid token can precede, and invitations that ended long ago."""
        ...


class NewKey(NamedTuple):
    """What a new membership or invitation is given: audit's public key, and a value sealed for this service itself."""

    audit: ReaderPublicKey
    sealed: bytes


class Vault(Protocol):
    """Keys of people. Every method raises KeysUnavailable."""

    async def new_member(self, *, workspace: UUID, subject: UUID, contact: Contact) -> NewKey:
        """The key of (subject, workspace), made if there is none, with the contact sealed for this service.

        Raises KeyGone.
        """
        ...

    async def contacts(self, memberships: Sequence[Membership]) -> list[Contact | None]:
        """The contacts, opened, in this order; None where the key was destroyed or nothing is sealed."""
        ...

    async def new_invitation(self, *, workspace: UUID, invitation: UUID, address: str) -> NewKey:
        """The key of (invitation, workspace), with the address sealed for this service. Raises KeyGone."""
        ...

    async def addresses(self, invitations: Sequence[Invitation | DueMail]) -> list[str | None]:
        """The invited addresses, opened, in this order; None where the key was destroyed."""
        ...

    async def invitation_key(self, *, workspace: UUID, invitation: UUID) -> ReaderPublicKey:
        """Audit's public key for who is invited. Raises KeyGone."""
        ...

    async def adopt(self, adoption: Adoption) -> None:
        """Makes the invitation's key a part of the person's. Repeating it is harmless."""
        ...

    async def tag_key(self, workspace: UUID, day: date) -> bytes | None:
        """The key of the workspace's search tags; None when it was destroyed."""
        ...


class Contacts(Protocol):
    """What identity knows about people."""

    async def contact(self, subject: UUID) -> Contact:
        """Name and verified address. Raises SubjectUnknown, ContactsUnavailable."""
        ...


class AddressIndex(Protocol):
    """Blind indexes of addresses. Each takes a normalised address and is good in its workspace alone; 32 bytes."""

    def tag(self, workspace: UUID, address: str) -> bytes:
        """The tag that invitations are found by."""
        ...

    def member_tag(self, workspace: UUID, address: str) -> bytes:
        """The tag that members are found by."""
        ...
