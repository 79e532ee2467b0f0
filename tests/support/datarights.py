"""Datarights' commands on a real database, with the rest of the world in memory."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from uuid import UUID

import asyncpg

from libs.crypto.hpke import ReaderPrivateKey
from libs.crypto.key_owner import KeyReference
from libs.crypto.reader_key import ReaderPublicKey
from libs.db.pool import Database
from libs.events.caller import Caller
from libs.events.client import Client
from libs.events.envelope import EnvelopeBuilder
from libs.ids import SystemEntropy, Uuid7Ids
from services.datarights.commands.archive import RemoveArchives
from services.datarights.commands.fulfilment import Fulfil
from services.datarights.commands.gathering import AssembleArchive, GatherPart, ReadArchive
from services.datarights.commands.request import CreateRequest, FetchArchive, ReadRequests
from services.datarights.commands.sealing import SealedObjects
from services.datarights.domain.errors import ParticipantUnavailable, PersonErased, WarrantsUnavailable
from services.datarights.domain.ports import PersonKey
from services.datarights.domain.request import PARTICIPANTS, Request
from services.datarights.store.backlog import PostgresBacklog
from services.datarights.store.unit_of_work import PostgresUnitsOfWork
from tests.support.clock import HeldClock
from tests.support.postgres import ServiceDatabase
from wardenry.log.note import NoteSigner
from wardenry.subject_data import Category, Erased, Obstacle, Row
from wardenry.warrants import ACCESS

AGENT = "Mozilla/5.0 (X11; Linux x86_64)"
Step = Callable[[str], None]


@dataclass
class World:
    """What the other services know and do; `before` is called with the name of each thing that is done."""

    data: dict[tuple[str, UUID], list[dict[str, str]]] = field(default_factory=dict)
    authorized: dict[tuple[UUID, UUID], str] = field(default_factory=dict)
    owned: dict[UUID, list[Obstacle]] = field(default_factory=dict)
    keys: dict[UUID, bytes] = field(default_factory=dict)
    destroyed: set[UUID] = field(default_factory=set)
    objects: dict[str, bytes] = field(default_factory=dict)
    #: Requests that the log has not taken in yet.
    unheard: set[UUID] = field(default_factory=set)
    done: list[str] = field(default_factory=list)
    before: Step = lambda _: None
    after: Step = lambda _: None

    def hold(self, subject: UUID, canary: str) -> None:
        """Every participant holds a row about the person."""
        self.keys[subject] = subject.bytes * 2
        for participant in PARTICIPANTS:
            self.data[participant, subject] = [{"value": f"{canary} at {participant}"}]


class MemoryVault:
    """Satisfies services.datarights.domain.ports.Vault."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def reference(self, subject: UUID) -> KeyReference:
        if subject in self._world.destroyed:
            raise PersonErased
        return KeyReference(key_id=subject, version=1)

    async def person_key(self, reference: KeyReference) -> PersonKey:
        if reference.key_id in self._world.destroyed:
            raise PersonErased
        return PersonKey(reference=reference, symmetric=self._world.keys[reference.key_id])

    async def audit_key(self, subject: UUID) -> ReaderPublicKey:
        return ReaderPrivateKey(key_id=subject, version=1, private=bytes([7]) * 32).public_key()

    async def tag_key(self, day: date) -> bytes | None:
        return bytes(32)

    async def destroy(self, subject: UUID, *, warrant: str) -> None:
        assert warrant == f"{subject} erasure"
        self._world.before("destroy keys")
        self._world.destroyed.add(subject)
        self._world.done.append("destroy keys")
        self._world.after("destroy keys")


class MemoryWarrants:
    """Satisfies services.datarights.domain.ports.Warrants."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def authorize(self, bearer: str, *, request: UUID, right: str) -> None:
        self._world.authorized[UUID(bearer), request] = right

    async def forget(self, *, subject: UUID, request: UUID) -> None:
        self._world.before("forget")
        self._world.authorized.pop((subject, request), None)
        self._world.after("forget")

    async def warrant(self, *, subject: UUID, request: UUID) -> str:
        if (subject, request) not in self._world.authorized:
            raise WarrantsUnavailable
        return f"{subject} {self._world.authorized[subject, request]}"


class MemoryParticipants:
    """Satisfies services.datarights.domain.ports.Participants."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.away: set[str] = set()

    async def categories(self, participant: str) -> Sequence[Category]:
        self._check(participant)
        category = Category(
            name="rows", description="What", purpose="Why", retention="How long", fields=("value", "target_id")
        )
        return (category,)

    async def obstacles(self, participant: str, *, subject: UUID, warrant: str) -> Sequence[Obstacle]:
        assert warrant == f"{subject} erasure"
        return self._world.owned.get(subject, []) if participant == "tenancy" else []

    async def rows(self, participant: str, *, subject: UUID, warrant: str) -> AsyncIterator[Row]:
        self._check(participant)
        assert warrant == f"{subject} {ACCESS}"
        self._world.before(f"gather {participant}")
        for values in self._world.data.get((participant, subject), []):
            yield Row("rows", values)
        if participant == "audit":
            for whose, request in self._world.authorized:
                if whose == subject and request not in self._world.unheard:
                    yield Row("rows", {"target_id": str(request)})
        self._world.done.append(f"gather {participant}")
        self._world.after(f"gather {participant}")

    async def erase(self, participant: str, *, subject: UUID, warrant: str) -> Erased:
        self._check(participant)
        assert warrant == f"{subject} erasure"
        self._world.before(f"erase {participant}")
        removed = len(self._world.data.pop((participant, subject), []))
        self._world.done.append(f"erase {participant}")
        self._world.after(f"erase {participant}")
        return Erased(rows=removed)

    def _check(self, participant: str) -> None:
        if participant in self.away:
            raise ParticipantUnavailable(participant, "away")


class MemoryObjects:
    """Satisfies services.datarights.domain.ports.Objects."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def put(self, name: str, content: bytes) -> None:
        what = f"put {name.split('/')[2]} {name.rpartition('/')[2]}"
        self._world.before(what)
        self._world.objects[name] = content
        self._world.after(what)

    async def get(self, name: str) -> bytes | None:
        return self._world.objects.get(name)

    async def remove(self, name: str) -> None:
        self._world.objects.pop(name, None)

    async def remove_below(self, directory: str) -> None:
        what = f"remove {' '.join(directory.split('/')[2:])}"
        self._world.before(what)
        for name in [each for each in self._world.objects if each.startswith(f"{directory}/")]:
            del self._world.objects[name]
        self._world.after(what)


class DatarightsForTests:
    """Everything that datarights can do."""

    def __init__(self, *, stored: ServiceDatabase, piece: int = 100) -> None:
        """`piece` is the bytes after which one is full: few, so that there are several of everything."""
        self.stored = stored
        self.clock = HeldClock(datetime(2026, 11, 22, 12, tzinfo=UTC))
        entropy = SystemEntropy()
        self.ids = Uuid7Ids(clock=self.clock, entropy=entropy)
        self.runtime = Database(url=stored.runtime, name="datarights", size=25)
        self.jobs = Database(url=stored.jobs, name="datarights jobs", size=4)
        self.world = World()
        self.participants = MemoryParticipants(self.world)
        self.signer = NoteSigner(name="localhost/archive", seed=bytes(32))
        self.waked = 0
        envelopes = EnvelopeBuilder(source="datarights", entropy=entropy)
        work = PostgresUnitsOfWork(database=self.runtime, envelopes=envelopes)
        vault, warrants = MemoryVault(self.world), MemoryWarrants(self.world)
        self.objects = MemoryObjects(self.world)
        sealed = SealedObjects(objects=self.objects, vault=vault, entropy=entropy)
        gather = GatherPart(
            work=work, participants=self.participants, warrants=warrants, sealed=sealed, clock=self.clock, piece=piece
        )
        self.backlog = PostgresBacklog(database=self.jobs)
        self.create = CreateRequest(
            work=work,
            vault=vault,
            warrants=warrants,
            participants=self.participants,
            clock=self.clock,
            ids=self.ids,
            waits=self._wake,
        )
        self.reading = ReadRequests(work=work)
        self.fetching = FetchArchive(
            work=work, vault=vault, read=ReadArchive(sealed=sealed), clock=self.clock, ids=self.ids
        )
        self.fulfil = Fulfil(
            work=work,
            backlog=self.backlog,
            vault=vault,
            warrants=warrants,
            participants=self.participants,
            gather=gather,
            assemble=AssembleArchive(gather=gather, sealed=sealed, signer=self.signer, clock=self.clock, piece=piece),
            sealed=sealed,
            clock=self.clock,
            ids=self.ids,
        )

        self.remove_archives = RemoveArchives(backlog=self.backlog, sealed=sealed, clock=self.clock)

    def _wake(self) -> None:
        self.waked += 1

    async def __aenter__(self) -> "DatarightsForTests":
        await self.runtime.open()
        await self.jobs.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.runtime.close()
        await self.jobs.close()

    def person(self, canary: str = "canary") -> Caller:
        """Somebody about whom every service holds something."""
        subject = self.ids.uuid7()
        self.world.hold(subject, canary)
        return Caller(
            subject=subject,
            session=self.ids.uuid7(),
            client_id="gateway",
            client=Client(address="192.0.2.7", agent=AGENT),
        )

    async def fetch(self, caller: Caller, request: UUID) -> bytes:
        """The whole archive."""
        return b"".join([piece async for piece in self.fetching(caller, request)])

    async def made(self, caller: Caller, right: str, *, request_id: UUID | None = None) -> Request:
        """A new request, or this one."""
        request_id = request_id or self.ids.uuid7()
        return await self.create(caller, bearer=str(caller.subject), request_id=request_id, right=right)

    async def actions(self) -> list[str]:
        """What is in the outbox."""
        return [row["action"] for row in await self.as_administrator("SELECT action FROM outbox ORDER BY id")]

    async def as_administrator(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        """What the database really holds, whatever the policies say."""
        connection = await asyncpg.connect(self.stored.administrator)
        try:
            return await connection.fetch(query, *arguments)
        finally:
            await connection.close()
