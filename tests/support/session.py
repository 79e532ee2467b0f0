"""Session's parts for tests: the real store and commands, and stand-ins for the services it asks."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg

from libs.crypto.hpke import ReaderPrivateKey
from libs.crypto.keyring import LocalKeyring
from libs.crypto.reader_key import ReaderPublicKey
from libs.crypto.sealing import SymmetricKey
from libs.db.pool import Database
from libs.events.client import Client
from libs.events.envelope import EnvelopeBuilder
from libs.feed.fanout import Fanout
from libs.feed.reader import INTERVAL, FeedReader
from libs.feed.replica import Replicas
from libs.ids import SystemEntropy, Uuid7Ids
from services.session.commands.caller import TokenCaller
from services.session.commands.grant import CreateGrant, ExchangeToken
from services.session.commands.introspection import Introspect, Liveness, OwnVerifier, SignedTokens
from services.session.commands.page import PageTokens
from services.session.commands.refresh import Refresh
from services.session.commands.revocation import EndSessions, EndSubject
from services.session.commands.session import CreateSession, ListSessions
from services.session.commands.signing_key import RotateSigningKeys, SigningKeySet
from services.session.commands.standing import Standings
from services.session.commands.token import AccessTokens, TokenIssuer, Tokens
from services.session.domain.errors import DependencyUnavailable, TicketInvalid
from services.session.domain.grant import Pace
from services.session.domain.membership import Membership, SessionPolicy, Standing
from services.session.domain.ports import FeedAnswer, SealedRow
from services.session.domain.refresh_token import RefreshKeys
from services.session.domain.revocation import Revocation
from services.session.domain.session import Authentication
from services.session.store.introspection import PostgresJudge
from services.session.store.refresh import PostgresRefreshStore
from services.session.store.revocation import PostgresRevocationSource
from services.session.store.signing_key import PostgresSigningKeyRotation, PostgresSigningKeys
from services.session.store.unit_of_work import PostgresUnitsOfWork
from tests.support.events import running
from tests.support.postgres import ServiceDatabase
from wardenry.clock import SystemClock
from wardenry.events.v1 import envelope_pb2, leaf_pb2
from wardenry.tokens import AccessToken

ISSUER = "https://localhost:8443"
DEVICE = bytes(range(32))
CLIENT = Client(
    address="192.0.2.17",
    agent="Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    country="NL",
)
POLICY = SessionPolicy(idle=timedelta(days=14), absolute=timedelta(days=90))
LIFE = timedelta(minutes=10)
PACE = Pace(burst=30, interval=timedelta(seconds=10))


def audit_key(version: int = 1) -> ReaderPublicKey:
    """A public key that audit's side of a test could open."""
    return ReaderPrivateKey(key_id=UUID(int=1), version=version, private=bytes([7]) * 32).public_key()


class TicketsForTests:
    """Each ticket is good once, or again for the same session."""

    def __init__(self) -> None:
        self.good: dict[bytes, Authentication] = {}
        self.spent: dict[bytes, UUID] = {}

    def issue(self, ticket: bytes, subject: UUID, *, epoch: int = 1, workspace: UUID | None = None) -> None:
        self.good[ticket] = Authentication(
            subject=subject,
            subject_epoch=epoch,
            amr=("pwd",),
            acr="aal1",
            authenticated_at=datetime.now(UTC),
            workspace=workspace,
            audit_key=audit_key(),
        )

    async def redeem(self, *, ticket: bytes, browser_binding: bytes, session: UUID) -> Authentication:
        if ticket not in self.good or self.spent.setdefault(ticket, session) != session:
            raise TicketInvalid
        return self.good[ticket]


@dataclass
class TenancyForTests:
    """Memberships, asked for and told by a feed, both in the test's hands."""

    members: dict[tuple[UUID, UUID], Membership] = field(default_factory=dict)
    answers: bool = True
    asked: int = 0
    fresh: bool = False
    covered_from: datetime = datetime(2000, 1, 1, tzinfo=UTC)
    changes: dict[tuple[UUID, UUID], tuple[int, str]] = field(default_factory=dict)

    def join(self, subject: UUID, workspace: UUID, *, role: str = "member", epoch: int = 1) -> None:
        self.members[subject, workspace] = Membership(
            subject=subject,
            workspace=workspace,
            standing=Standing(role=role, epoch=epoch, checked_at=datetime.now(UTC)),
            audit_key=audit_key(),
            policy=POLICY,
        )

    async def get(self, keys: Collection[tuple[UUID, UUID]]) -> Mapping[tuple[UUID, UUID], Membership]:
        self.asked += 1
        if not self.answers:
            raise DependencyUnavailable("tenancy")
        return {key: self.members[key] for key in keys if key in self.members}

    def standing(self, subject: UUID, workspace: UUID, known: Standing) -> FeedAnswer:
        if not self.fresh:
            return FeedAnswer(certain=False)
        changed = self.changes.get((subject, workspace))
        if changed is not None and changed[0] >= known.epoch:
            epoch, role = changed
            told = Standing(role=role, epoch=epoch, checked_at=known.checked_at) if role else None
            return FeedAnswer(certain=True, standing=told)
        certain = known.checked_at >= self.covered_from
        return FeedAnswer(certain=certain, standing=known if certain else None)

    def refuses(self, subject: UUID, workspace: UUID, epoch: int) -> bool | None:
        if not self.fresh:
            return None
        changed = self.changes.get((subject, workspace))
        return changed is not None and changed[0] > epoch


class SealsForTests:
    """Keeps what it seals in memory."""

    def __init__(self) -> None:
        self.values: dict[bytes, str] = {}

    async def seal(self, session: UUID, key: ReaderPublicKey, values: Mapping[str, str]) -> Mapping[str, bytes]:
        sealed = {name: session.bytes + name.encode() for name in values}
        self.values.update({sealed[name]: value for name, value in values.items()})
        return sealed

    async def open(self, sealed: Sequence[SealedRow]) -> Sequence[Mapping[str, str]]:
        return [{name: self.values[value] for name, value in row.values.items()} for row in sealed]


class TagKeysForTests:
    async def key(self, log: UUID, day: date) -> bytes | None:
        return bytes(32)


class SessionForTests:
    """Session's commands over a real database under its own roles."""

    def __init__(self, database: ServiceDatabase, *, interval: float = INTERVAL) -> None:
        """`interval` is that of the feed of revocations, seconds."""
        self.database = database
        self._works = AsyncExitStack()
        self.runtime = Database(url=database.runtime, name="session", size=20)
        self.jobs = Database(url=database.jobs, name="session jobs", size=4)
        clock, entropy = SystemClock(), SystemEntropy()
        self.clock = clock
        self.ids = Uuid7Ids(clock=clock, entropy=entropy)
        envelopes = EnvelopeBuilder(source="session", entropy=entropy)
        self.fanout: Fanout[Revocation] = Fanout(clock=clock)
        self.feed = FeedReader(
            source=PostgresRevocationSource(database=self.jobs),
            fanout=self.fanout,
            replicas=Replicas(database=self.jobs, own=uuid4()),
            clock=clock,
            interval=interval,
        )
        self.work = PostgresUnitsOfWork(database=self.runtime, ids=self.ids, envelopes=envelopes, feed=self.feed)
        self.store = PostgresRefreshStore(database=self.runtime)
        self.tickets, self.tenancy = TicketsForTests(), TenancyForTests()
        seals, tags = SealsForTests(), TagKeysForTests()
        keyring = LocalKeyring(keys=(SymmetricKey(key=bytes(32), version=1),), entropy=entropy)
        standings = Standings(memberships=self.tenancy, feed=self.tenancy)
        self.keys = SigningKeySet(keys=PostgresSigningKeys(database=self.runtime), provider=keyring)
        self.rotate_keys = RotateSigningKeys(
            rotation=PostgresSigningKeyRotation(database=self.jobs),
            provider=keyring,
            entropy=entropy,
            period=timedelta(days=30),
            token_life=LIFE,
        )
        self.refresh_keys = RefreshKeys({1: bytes([1]) * 32})
        access = AccessTokens(issuer=ISSUER, keys=self.keys)
        self.issuer = TokenIssuer(access=access, refresh=self.refresh_keys, ids=self.ids, life=LIFE)
        self.reader = SignedTokens(issuer=ISSUER, keys=self.keys, clock=clock)
        liveness = Liveness(judge=PostgresJudge(database=self.runtime))
        self.verifier = OwnVerifier(reader=self.reader, liveness=liveness, standings=standings)
        self.introspect = Introspect(reader=self.reader, liveness=liveness, standings=standings)
        self.create = CreateSession(
            work=self.work,
            tickets=self.tickets,
            standings=standings,
            seals=seals,
            tags=tags,
            issuer=self.issuer,
            policy=POLICY,
            clock=clock,
            ids=self.ids,
            entropy=entropy,
        )
        self.create_grant = CreateGrant(
            work=self.work,
            standings=standings,
            tags=tags,
            issuer=self.issuer,
            clock=clock,
            ids=self.ids,
            entropy=entropy,
        )
        self.exchange = ExchangeToken(
            work=self.work,
            access=access,
            tags=tags,
            audiences=frozenset({"records"}),
            life=timedelta(minutes=5),
            clock=clock,
            ids=self.ids,
        )
        self.refresh = Refresh(
            store=self.store,
            work=self.work,
            envelopes=envelopes,
            standings=standings,
            keys=self.refresh_keys,
            issuer=self.issuer,
            tags=tags,
            ids=self.ids,
            pace=PACE,
        )
        self.listing = ListSessions(work=self.work, seals=seals, pages=PageTokens(key=bytes(32)))
        self.end = EndSessions(work=self.work, tags=tags, clock=clock, ids=self.ids)
        self.end_subject = EndSubject(work=self.work, clock=clock, ids=self.ids)

    async def __aenter__(self) -> "SessionForTests":
        await asyncio.gather(self.runtime.open(), self.jobs.open())
        await self.rotate_keys()
        await self.keys.reload()
        await self._works.enter_async_context(running(self.feed.run()))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._works.aclose()
        await asyncio.gather(self.runtime.close(), self.jobs.close())

    async def sign_in(
        self, subject: UUID | None = None, *, workspace: UUID | None = None, epoch: int = 1, client: Client = CLIENT
    ) -> Tokens:
        """A new session of the subject (None: of a new one)."""
        subject = subject or self.ids.uuid7()
        ticket = self.ids.uuid7().bytes * 2
        self.tickets.issue(ticket, subject, epoch=epoch, workspace=workspace)
        return await self.create(
            session=self.ids.uuid7(),
            ticket=ticket,
            browser_binding=bytes(32),
            device_binding=DEVICE,
            client=client,
        )

    def caller(self, holder: Tokens | AccessToken) -> TokenCaller:
        """Who holds the tokens, as the server would tell it."""
        token = self.reader.read(holder.access_token) if isinstance(holder, Tokens) else holder
        return TokenCaller(
            subject=token.subject, session=token.session, client_id=token.client, client=CLIENT, token=token
        )

    async def refreshed(self, tokens: Tokens, *, device: bytes = DEVICE) -> Tokens:
        return await self.refresh(tokens.refresh_token, device_binding=device, client=CLIENT)

    async def as_owner(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
        """A statement as the cluster's administrator: what no role of the service could see or do."""
        connection = await asyncpg.connect(self.database.administrator)
        try:
            return await connection.fetch(statement, *arguments)
        finally:
            await connection.close()

    async def age(self, seconds: float) -> None:
        """Has every grant have been rotated so much earlier."""
        await self.as_owner(
            "UPDATE session_grant SET rotated_at = rotated_at - $1::interval", timedelta(seconds=seconds)
        )

    async def leaves(self, action: str | None = None) -> list[leaf_pb2.Leaf]:
        """The leaves of the events in the outbox, in their order."""
        rows = await self.as_owner(
            "SELECT envelope FROM outbox WHERE $1::text IS NULL OR action = $1 ORDER BY id", action
        )
        return [leaf_pb2.Leaf.FromString(envelope_pb2.Envelope.FromString(row["envelope"]).leaf) for row in rows]

    async def actions(self) -> list[str]:
        return [leaf.action for leaf in await self.leaves()]
