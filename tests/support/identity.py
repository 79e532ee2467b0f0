"""Identity for tests: its commands on its real databases, with a clock that is moved by hand."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from libs.crypto.blind_index import BlindIndex
from libs.crypto.keyring import KeyProvider, LocalKeyring
from libs.crypto.sealing import SymmetricKey
from libs.db.pool import Database
from libs.events.caller import Visitor
from libs.events.client import Client
from libs.events.envelope import EnvelopeBuilder
from libs.ids import SystemEntropy, Uuid7Ids
from libs.mail.mail import Mail, MailUnavailable
from services.identity.clients.password_hasher import BcryptHasher
from services.identity.commands.authentication import Authenticated, AuthenticatePassword, PasswordInput
from services.identity.commands.credential import ChangePassword
from services.identity.commands.data_key import DataKeys
from services.identity.commands.expiry import RemoveExpired
from services.identity.commands.mail import DeliverMail
from services.identity.commands.own_keys import LogKeysInProcess, PersonalDataInProcess
from services.identity.commands.registration import Register, Registered, RegisterInput, VerifyRegistration
from services.identity.commands.subject import GetContacts, GetSubject
from services.identity.commands.ticket import RedeemTicket
from services.identity.commands.vault import (
    AdoptInvitationKey,
    DestroyKeys,
    EnsurePublicKeys,
    GetReaderKeys,
    GetTagKeys,
)
from services.identity.domain.errors import SessionsUnavailable
from services.identity.store.expiry import PostgresExpiry
from services.identity.store.mail import PostgresMailQueue
from services.identity.store.unit_of_work import PostgresStore
from services.identity.store.vault import PostgresVault
from tests.support.clock import HeldClock
from tests.support.postgres import ServiceDatabase, ServiceDatabases
from wardenry.events.v1 import envelope_pb2, leaf_pb2

VISITOR = Visitor(client_id="gateway", client=Client(address="192.0.2.7", agent="Mozilla/5.0", country="DE"))
BROWSER = b"b" * 32
PASSWORD = "correct horse battery staple"
ORIGIN = "https://id.example.org"


@dataclass
class MailsForTests:
    """Keeps what it is given."""

    sent: list[Mail] = field(default_factory=list)
    is_down: bool = False

    async def send(self, mail: Mail) -> None:
        if self.is_down:
            raise MailUnavailable
        self.sent.append(mail)


@dataclass
class SessionsForTests:
    """Remembers what it ended."""

    ended: list[tuple[UUID, int, UUID | None]] = field(default_factory=list)
    is_down: bool = False

    async def end_subject(self, subject_id: UUID, *, epoch: int, keep: UUID | None) -> None:
        if self.is_down:
            raise SessionsUnavailable
        self.ended.append((subject_id, epoch, keep))


class IdentityForTests:
    """Every command, and what stands behind them."""

    def __init__(
        self, *, identity: ServiceDatabase, vault: ServiceDatabase, provider: KeyProvider, clock: HeldClock
    ) -> None:
        self.identity, self.vault, self.clock = identity, vault, clock
        self.entropy = SystemEntropy()
        self.ids = Uuid7Ids(clock=self.clock, entropy=self.entropy)
        self.mails, self.sessions = MailsForTests(), SessionsForTests()
        self.database = Database(url=identity.runtime, name="identity", size=20)
        self.jobs_database = Database(url=identity.jobs, name="identity", size=2)
        self.vault_database = Database(url=vault.runtime, name="vault", size=20)
        self.blind_index = BlindIndex(root_key=b"i" * 32, service="identity")
        self.hasher = self.hasher_of(cost=4)
        self.store = PostgresStore(
            database=self.database, envelopes=EnvelopeBuilder(source="identity", entropy=self.entropy)
        )
        self.vault_store = PostgresVault(database=self.vault_database)
        self.data_keys = DataKeys(
            store=self.vault_store, provider=provider, clock=self.clock, ids=self.ids, entropy=self.entropy
        )
        self.ensure_public_keys = EnsurePublicKeys(data_keys=self.data_keys)
        self.get_reader_keys = GetReaderKeys(data_keys=self.data_keys)
        self.get_tag_keys = GetTagKeys(data_keys=self.data_keys)
        self.adopt_invitation_key = AdoptInvitationKey(store=self.vault_store, clock=self.clock)
        self.destroy_keys = DestroyKeys(
            vault=self.vault_store, data_keys=self.data_keys, store=self.store, clock=self.clock, ids=self.ids
        )
        self.personal_data = PersonalDataInProcess(data_keys=self.data_keys, entropy=self.entropy)
        self.log_keys = LogKeysInProcess(public_keys=self.ensure_public_keys, tag_keys=self.get_tag_keys)
        self.get_contacts = GetContacts(store=self.store, personal_data=self.personal_data)
        self.get_subject = GetSubject(get_contacts=self.get_contacts)
        self.redeem_ticket = RedeemTicket(store=self.store, clock=self.clock)
        self.deliver_mail = DeliverMail(
            queue=PostgresMailQueue(database=self.jobs_database),
            personal_data=self.personal_data,
            mailer=self.mails,
            clock=self.clock,
        )
        self.remove_expired = RemoveExpired(expiry=PostgresExpiry(database=self.jobs_database), clock=self.clock)

    def hasher_of(self, *, cost: int, threads: int = 2, most_waiting: int = 100) -> BcryptHasher:
        return BcryptHasher(
            pepper=b"p" * 32, cost=cost, threads=threads, most_waiting=most_waiting, entropy=SystemEntropy()
        )

    @property
    def register(self) -> Register:
        return Register(
            store=self.store,
            personal_data=self.personal_data,
            hasher=self.hasher,
            blind_index=self.blind_index,
            clock=self.clock,
            ids=self.ids,
            entropy=self.entropy,
            origin=ORIGIN,
        )

    @property
    def verify_registration(self) -> VerifyRegistration:
        return VerifyRegistration(
            store=self.store,
            personal_data=self.personal_data,
            log_keys=self.log_keys,
            blind_index=self.blind_index,
            clock=self.clock,
            ids=self.ids,
            entropy=self.entropy,
        )

    @property
    def authenticate(self) -> AuthenticatePassword:
        return AuthenticatePassword(
            store=self.store,
            log_keys=self.log_keys,
            hasher=self.hasher,
            blind_index=self.blind_index,
            clock=self.clock,
            ids=self.ids,
            entropy=self.entropy,
        )

    @property
    def change_password(self) -> ChangePassword:
        return ChangePassword(
            store=self.store,
            get_subject=self.get_subject,
            log_keys=self.log_keys,
            hasher=self.hasher,
            sessions=self.sessions,
            blind_index=self.blind_index,
            clock=self.clock,
            ids=self.ids,
        )

    async def signed_up(self, address: str, *, password: str = PASSWORD, name: str = "Ada") -> Registered:
        """A person with this address, all the way through the mailed code."""
        registration_id = uuid4()
        await self.begin(registration_id, address, password=password, name=name)
        return await self.verify_registration(
            registration_id=registration_id, code=await self.mailed_code(), browser_binding=BROWSER, visitor=VISITOR
        )

    async def begin(
        self,
        registration_id: UUID,
        address: str,
        *,
        password: str = PASSWORD,
        name: str = "Ada",
        browser: bytes = BROWSER,
    ) -> None:
        await self.register(
            RegisterInput(
                registration_id=registration_id,
                address=address,
                password=password,
                display_name=name,
                browser_binding=browser,
            )
        )

    async def mailed_code(self) -> str:
        """The code in the mail that was sent last."""
        await self.deliver_mail.batch()
        return "".join(filter(str.isdigit, self.mails.sent[-1].text.splitlines()[0]))

    async def sign_in(
        self, address: str, password: str = PASSWORD, *, device: bytes = b"", workspace: UUID | None = None
    ) -> Authenticated:
        return await self.authenticate(
            PasswordInput(
                address=address,
                password=password,
                browser_binding=BROWSER,
                device_token=device,
                workspace_id=workspace,
            ),
            VISITOR,
        )

    async def events(self) -> list[tuple[leaf_pb2.Leaf, envelope_pb2.Envelope]]:
        """What is in the outbox, in its order."""
        rows = await self.as_administrator("SELECT envelope FROM outbox ORDER BY id")
        envelopes = [envelope_pb2.Envelope.FromString(row["envelope"]) for row in rows]
        return [(leaf_pb2.Leaf.FromString(envelope.leaf), envelope) for envelope in envelopes]

    async def actions(self) -> list[str]:
        return [leaf.action for leaf, _ in await self.events()]

    async def as_administrator(self, query: str, *arguments: Any, vault: bool = False) -> list[asyncpg.Record]:
        """Past all policies, to see what is there."""
        connection = await asyncpg.connect((self.vault if vault else self.identity).administrator)
        try:
            return await connection.fetch(query, *arguments)
        finally:
            await connection.close()


@asynccontextmanager
async def identity_for_tests(
    service_database: ServiceDatabases, *, provider: KeyProvider | None = None, beside: IdentityForTests | None = None
) -> AsyncIterator[IdentityForTests]:
    """On databases of its own, or as a second process `beside` another one, on its databases and by its clock."""
    keyring = LocalKeyring(keys=(SymmetricKey(key=b"r" * 32, version=1),), entropy=SystemEntropy())
    service = IdentityForTests(
        identity=beside.identity if beside else service_database("identity"),
        vault=beside.vault if beside else service_database("vault"),
        provider=provider or keyring,
        clock=beside.clock if beside else HeldClock(),
    )
    databases = (service.database, service.jobs_database, service.vault_database)
    for database in databases:
        await database.open()
    try:
        yield service
    finally:
        for database in databases:
            await database.close()
        service.hasher.close()
