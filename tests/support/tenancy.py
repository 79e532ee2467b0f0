"""Tenancy's commands on a real database, with the rest of the world in memory."""

import base64
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from uuid import UUID, uuid4

import asyncpg

from libs.crypto.blind_index import BlindIndex
from libs.crypto.errors import SealBroken
from libs.crypto.hpke import ReaderPrivateKey
from libs.crypto.key_owner import InvitationOwner, KeyOwner, KeyReference, SubjectOwner
from libs.crypto.reader_key import ReaderPublicKey
from libs.crypto.sealing import AssociatedData, Sealer
from libs.db.pool import Database
from libs.events.caller import Caller
from libs.events.client import Client
from libs.events.envelope import EnvelopeBuilder, open_sealed
from libs.feed.fanout import Fanout
from libs.feed.reader import INTERVAL, FeedReader
from libs.feed.replica import Replicas
from libs.ids import Uuid7Ids
from libs.mail.mail import Mail, MailRefused, MailUnavailable
from services.tenancy.clients.address_index import BlindAddressIndex
from services.tenancy.commands.backlog import BacklogCommands
from services.tenancy.commands.circumstances import Recorder
from services.tenancy.commands.invitation import InvitationCommands
from services.tenancy.commands.membership import MembershipCommands
from services.tenancy.commands.offer import OfferCommands
from services.tenancy.commands.permission import PermissionCommands
from services.tenancy.commands.platform import InviteFounder
from services.tenancy.commands.workspace import WorkspaceCommands
from services.tenancy.domain.caller import Insider
from services.tenancy.domain.errors import ContactsUnavailable, KeyGone, KeysUnavailable, SubjectUnknown
from services.tenancy.domain.invitation import Adoption, DueMail, Invitation
from services.tenancy.domain.membership import ChangedMembership, Contact, Membership
from services.tenancy.domain.ports import NewKey
from services.tenancy.store.backlog import PostgresBacklog
from services.tenancy.store.membership_change import PostgresMembershipSource
from services.tenancy.store.unit_of_work import PostgresStore
from tests.support.clock import HeldClock
from tests.support.entropy import CountedEntropy
from tests.support.events import running
from tests.support.postgres import ServiceDatabase
from wardenry.clock import SystemClock
from wardenry.events.v1 import envelope_pb2, leaf_pb2
from wardenry.permissions import Role

ORIGIN = "https://localhost:8443"
AGENT = "Mozilla/5.0 (X11; Linux x86_64)"


@dataclass
class _DataKey:
    reference: KeyReference
    symmetric: bytes
    audit: ReaderPrivateKey
    destroyed: bool = False


class MemoryVault:
    """Keys of people, kept in this process: satisfies services.tenancy.domain.ports.Vault."""

    def __init__(self, entropy: CountedEntropy) -> None:
        self._entropy = entropy
        self.keys: dict[KeyOwner, _DataKey] = {}
        self.adopted: list[Adoption] = []
        self.down = False

    def destroy(self, owner: KeyOwner) -> None:
        self.keys[owner].destroyed = True

    def audit_key(self, owner: KeyOwner) -> ReaderPrivateKey:
        return self.keys[owner].audit

    async def new_member(self, *, workspace: UUID, subject: UUID, contact: Contact) -> NewKey:
        key = self._ensure(SubjectOwner(subject=subject, workspace=workspace))
        text = f"{contact.name}\0{contact.address}"
        return self._new(key, text, AssociatedData(field="contact", workspace=workspace, row=subject))

    async def contacts(self, memberships: Sequence[Membership]) -> list[Contact | None]:
        self._check()
        found: list[Contact | None] = []
        for each in memberships:
            place = AssociatedData(field="contact", workspace=each.workspace, row=each.subject)
            text = self._opened(each.audit_key.key_id, each.contact, place)
            found.append(None if text is None else Contact(name=text.split("\0")[0], address=text.split("\0")[1]))
        return found

    async def new_invitation(self, *, workspace: UUID, invitation: UUID, address: str) -> NewKey:
        key = self._ensure(InvitationOwner(invitation=invitation, workspace=workspace))
        return self._new(key, address, AssociatedData(field="address", workspace=workspace, row=invitation))

    async def addresses(self, invitations: Sequence[Invitation | DueMail]) -> list[str | None]:
        self._check()
        found: list[str | None] = []
        for each in invitations:
            row = each.id if isinstance(each, Invitation) else each.invitation
            place = AssociatedData(field="address", workspace=each.workspace, row=row)
            found.append(self._opened(each.key.key_id, each.address, place))
        return found

    async def invitation_key(self, *, workspace: UUID, invitation: UUID) -> ReaderPublicKey:
        return self._ensure(InvitationOwner(invitation=invitation, workspace=workspace)).audit.public_key()

    async def adopt(self, adoption: Adoption) -> None:
        self._check()
        self.adopted.append(adoption)

    async def tag_key(self, workspace: UUID, day: date) -> bytes | None:
        self._check()
        return workspace.bytes + f"{day:%Y-%m}".encode().ljust(16)

    def _check(self) -> None:
        if self.down:
            raise KeysUnavailable

    def _ensure(self, owner: KeyOwner) -> _DataKey:
        self._check()
        if owner not in self.keys:
            key_id = UUID(bytes=self._entropy.bytes(16), version=4)
            private = ReaderPrivateKey(key_id=key_id, version=1, private=self._entropy.bytes(32))
            self.keys[owner] = _DataKey(KeyReference(key_id=key_id, version=1), self._entropy.bytes(32), private)
        if self.keys[owner].destroyed:
            raise KeyGone
        return self.keys[owner]

    def _new(self, key: _DataKey, text: str, place: AssociatedData) -> NewKey:
        sealed = Sealer(key=key.symmetric, entropy=self._entropy).seal(text.encode(), place)
        return NewKey(audit=key.audit.public_key(), sealed=sealed)

    def _opened(self, key_id: UUID, sealed: bytes | None, place: AssociatedData) -> str | None:
        (key,) = [key for key in self.keys.values() if key.reference.key_id == key_id]
        if sealed is None or key.destroyed:
            return None
        try:
            return Sealer(key=key.symmetric, entropy=self._entropy).open(sealed, place).decode()
        except SealBroken:
            raise AssertionError("a sealed value was moved to another row") from None


class MemoryContacts:
    """What identity knows: satisfies services.tenancy.domain.ports.Contacts."""

    def __init__(self) -> None:
        self.known: dict[UUID, Contact] = {}
        self.down = False

    async def contact(self, subject: UUID) -> Contact:
        if self.down:
            raise ContactsUnavailable
        if subject not in self.known:
            raise SubjectUnknown
        return self.known[subject]


@dataclass
class MemoryMailer:
    """A mail server: satisfies libs.mail.mail.Mailer."""

    sent: list[Mail] = field(default_factory=list)
    tried: int = 0
    down: bool = False
    refuses: bool = False

    async def send(self, mail: Mail) -> None:
        self.tried += 1
        if self.refuses:
            raise MailRefused("no such mailbox")
        if self.down:
            raise MailUnavailable("nobody listens")
        self.sent.append(mail)


@dataclass(frozen=True)
class Recorded:
    """An event as the outbox holds it."""

    log: UUID
    action: str
    leaf: leaf_pb2.Leaf
    envelope: envelope_pb2.Envelope
    traceparent: str | None

    def personal(self, role: str, key: ReaderPrivateKey) -> dict[str, str]:
        (sealed,) = [sealed for sealed in self.envelope.sealed if sealed.person == role]
        opened = open_sealed(
            leaf=self.envelope.leaf,
            role="actor" if role == "actor" else "target",
            message=sealed.message,
            private_key=key,
        )
        return {name: value.value for name, value in opened.items()}


class Tenancy:
    """Everything that tenancy can do, as one person after the other."""

    def __init__(self, *, stored: ServiceDatabase, interval: float = INTERVAL) -> None:
        """`interval` is that of the feed of memberships, seconds."""
        self.stored = stored
        self.clock = HeldClock(datetime(2026, 11, 22, 12, tzinfo=UTC))
        entropy = CountedEntropy()
        self.ids = Uuid7Ids(clock=self.clock, entropy=entropy)
        self.runtime = Database(url=stored.runtime, name="tenancy", size=30)
        self.jobs = Database(url=stored.jobs, name="tenancy jobs", size=4)
        self.vault = MemoryVault(entropy)
        self.directory = MemoryContacts()
        self.mailer = MemoryMailer()
        self.waked: list[str] = []
        self.fanout: Fanout[ChangedMembership] = Fanout(clock=SystemClock())
        self.feed = FeedReader(
            source=PostgresMembershipSource(database=self.jobs),
            fanout=self.fanout,
            replicas=Replicas(database=self.jobs, own=uuid4()),
            clock=SystemClock(),
            interval=interval,
        )
        self._works = AsyncExitStack()
        self.store = PostgresStore(
            database=self.runtime,
            envelopes=EnvelopeBuilder(source="tenancy", entropy=entropy),
            feed=self.feed,
        )
        self.backlog = PostgresBacklog(database=self.jobs)
        recorder = Recorder(ids=self.ids, clock=self.clock, vault=self.vault)
        self.index = index = BlindAddressIndex(BlindIndex(root_key=bytes(32), service="tenancy"))
        self.workspaces = WorkspaceCommands(
            store=self.store, vault=self.vault, contacts=self.directory, recorder=recorder, region="eu"
        )
        self.memberships = MembershipCommands(store=self.store, vault=self.vault, recorder=recorder)
        self.invitations = InvitationCommands(
            store=self.store,
            vault=self.vault,
            contacts=self.directory,
            index=index,
            recorder=recorder,
            clock=self.clock,
            mail_waits=lambda: self.waked.append("mail"),
            adoption_waits=lambda: self.waked.append("adoption"),
        )
        self.offers = OfferCommands(
            store=self.store, vault=self.vault, recorder=recorder, clock=self.clock, ids=self.ids
        )
        self.permissions = PermissionCommands(store=self.store)
        self.invite_founder = InviteFounder(
            store=self.store,
            vault=self.vault,
            index=index,
            clock=self.clock,
            ids=self.ids,
            entropy=entropy,
            region="eu",
            origin=ORIGIN,
            mail_waits=lambda: self.waked.append("mail"),
        )
        self.work = BacklogCommands(
            backlog=self.backlog,
            vault=self.vault,
            mailer=self.mailer,
            entropy=entropy,
            clock=self.clock,
            origin=ORIGIN,
        )

    async def open(self) -> None:
        await self.runtime.open()
        await self.jobs.open()
        await self._works.enter_async_context(running(self.feed.run()))

    async def close(self) -> None:
        await self._works.aclose()
        await self.runtime.close()
        await self.jobs.close()

    def person(self, name: str, *, address: str | None = None) -> Caller:
        """Somebody whom identity knows."""
        subject = self.ids.uuid7()
        self.directory.known[subject] = Contact(name=name, address=address or f"{name.lower()}@example.com")
        return Caller(
            subject=subject,
            session=self.ids.uuid7(),
            client_id="gateway",
            client=Client(address="192.0.2.7", agent=AGENT),
        )

    async def workspace(self, owner: Caller, slug: str) -> Insider:
        created = await self.workspaces.create(owner, workspace_id=self.ids.uuid7(), name=slug.title(), slug=slug)
        return Insider(caller=owner, workspace=created.workspace.id, role=created.role)

    async def invited(self, inviter: Insider, address: str, role: Role) -> tuple[UUID, bytes]:
        """A mailed invitation: its id and the secret out of the mail."""
        invitation = self.ids.uuid7()
        await self.invitations.create(inviter, invitation_id=invitation, address=address, role=role)
        await self.work.mail_invitations()
        return invitation, secret_in(self.mailer.sent[-1])

    async def founder_invited(self, address: str, *, name: str = "") -> tuple[UUID, bytes]:
        """An open invitation of the platform's first owner: its id and the secret that was shown."""
        invitation = self.ids.uuid7()
        invited = await self.invite_founder(invitation_id=invitation, address=address, name=name, peer="operator")
        return invitation, secret_of(invited.link)

    async def joined(self, inviter: Insider, person: Caller, role: Role) -> Insider:
        """The person, as a member with this role."""
        address = self.directory.known[person.subject].address
        invitation, secret = await self.invited(inviter, address, role)
        await self.invitations.accept(person, invitation_id=invitation, secret=secret)
        return Insider(caller=person, workspace=inviter.workspace, role=role)

    async def recorded(self, log: UUID) -> list[Recorded]:
        """The events of one log, oldest first."""
        found = []
        for row in await self.as_administrator(
            "SELECT log, action, traceparent, envelope FROM outbox WHERE log = $1 ORDER BY id", log
        ):
            envelope = envelope_pb2.Envelope.FromString(row["envelope"])
            leaf = leaf_pb2.Leaf.FromString(envelope.leaf)
            found.append(Recorded(row["log"], row["action"], leaf, envelope, row["traceparent"]))
        return found

    async def as_administrator(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        """What the database really holds, whatever the policies say."""
        connection = await asyncpg.connect(self.stored.administrator)
        try:
            return await connection.fetch(query, *arguments)
        finally:
            await connection.close()


def secret_in(mail: Mail) -> bytes:
    """The secret in the fragment of a mail's link."""
    (link,) = (word for word in mail.text.split() if word.startswith(f"{ORIGIN}/invitations/"))
    return secret_of(link)


def secret_of(link: str) -> bytes:
    """The secret in the fragment of an invitation's link."""
    encoded = link.partition("#")[2]
    return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
