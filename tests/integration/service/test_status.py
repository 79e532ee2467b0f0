"""What a service tells the operator about its clock, its events on their way out, and what it has set aside."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from libs.db.context import Context
from libs.db.pool import Database
from libs.db.schemas import ROOT
from libs.events.parked import Parked, Parking, Reason
from libs.events.position import Position
from libs.events.record import RawRecord
from libs.outbox.bucket import bucket_of
from libs.outbox.cursors import CursorsUnavailable
from libs.outbox.emit import insert
from libs.outbox.numbering import Numbering, begin_generation
from libs.rpc.channel import open_channel
from libs.rpc.server import GrpcServer
from libs.service.databases import Databases
from libs.service.settings import DatabaseSettings
from libs.service.status import StatusHandlers
from libs.telemetry.observer import SILENT
from tests.support.audit_service import KnownTokens
from tests.support.clock import HeldClock
from tests.support.events import LOG, OTHER_LOG, row
from tests.support.mutual_tls import CertificatesForTests
from tests.support.postgres import ServiceDatabase, ServiceDatabases
from wardenry.clock import SystemClock
from wardenry.errors.error import PermissionDenied
from wardenry.status.v1 import status_pb2, status_pb2_grpc

SERVICE = "tenancy"
_SQL = [ROOT / "libs/outbox/sql", ROOT / "libs/events/sql"]
NOON = datetime(2031, 1, 1, 12, tzinfo=UTC)


class TenancySettings(DatabaseSettings):
    service = SERVICE


@dataclass
class Consumer:
    """Says what it is told to say; None: does not answer."""

    name: str
    cursors: Mapping[int, Position] | None

    async def list_cursors(self, source: str) -> Mapping[int, Position]:
        assert source == SERVICE
        if self.cursors is None:
            raise CursorsUnavailable(self.name)
        return self.cursors


class Service:
    """One with an outbox, consumers, and nothing else, served as it is in production."""

    def __init__(self, directory: Path, database: ServiceDatabase) -> None:
        self.database = database
        self.certificates = CertificatesForTests(directory=directory / "pki")
        tls = self.certificates.of(SERVICE)
        urls = {role: directory / f"{role}.url" for role in ("runtime", "relay", "jobs")}
        for role, file in urls.items():
            file.write_text(database.url(role))
        self.settings = TenancySettings(
            tls_ca_file=tls.ca_file,
            tls_cert_file=tls.certificate_file,
            tls_key_file=tls.key_file,
            database_url_file=urls["runtime"],
            relay_database_url_file=urls["relay"],
            jobs_database_url_file=urls["jobs"],
            mac_keys_directory=directory,
        )
        self.consumers: list[Consumer] = []
        self.clock = HeldClock(NOON)
        self.databases = Databases(self.settings)

    @asynccontextmanager
    async def served(self) -> AsyncIterator[int]:
        """Yields the port."""
        server = GrpcServer(
            listen="127.0.0.1:0",
            tls=self.settings.tls,
            errors={},
            verifier=KnownTokens(),
            clock=SystemClock(),
            observer=SILENT,
            grace=0.5,
        )
        handlers = StatusHandlers(SERVICE, databases=self.databases, consumers=self.consumers, clock=self.clock)
        server.add(status_pb2_grpc.add_StatusServiceServicer_to_server, handlers)
        async with self.databases, server:
            yield server.port

    async def ask(self, port: int, *, peer: str = "operator") -> status_pb2.GetStatusResponse:
        tls = self.certificates.of(peer)
        async with open_channel(target=f"127.0.0.1:{port}", peer=SERVICE, tls=tls, observer=SILENT) as channel:
            return await status_pb2_grpc.StatusServiceStub(channel).GetStatus(status_pb2.GetStatusRequest())

    async def emit(self, *, at: datetime, log: UUID = LOG, count: int = 1) -> None:
        async with self.databases.runtime.transaction(Context()) as tx:
            await insert(tx, [replace(row(b"x", log=log), occurred_at=at) for _ in range(count)])

    async def number(self) -> None:
        await Numbering(source=SERVICE, database=self.databases.relay).number(limit=1000)

    async def park(self, *reasons: Reason) -> None:
        parking = Parking(clock=self.clock)
        async with self.databases.runtime.transaction(Context()) as tx:
            await parking.park(
                tx,
                [
                    Parked(
                        raw=RawRecord(
                            topic="wardenry.identity.v1", partition=0, offset=n, key=None, value=b"%d" % n, headers=()
                        ),
                        reason=reason,
                        detail="a detail",
                    )
                    for n, reason in enumerate(reasons)
                ],
            )


@pytest.fixture
def service(tmp_path: Path, service_database: ServiceDatabases) -> Service:
    return Service(tmp_path, service_database(SERVICE, _SQL))


@pytest.fixture
async def port(service: Service) -> AsyncIterator[int]:
    async with service.served() as port:
        await service.databases.open()
        yield port


def backlogs(answer: status_pb2.GetStatusResponse) -> dict[str, tuple[int | None, datetime | None, bool]]:
    return {
        each.consumer: (
            each.events if each.HasField("events") else None,
            each.oldest_at.ToDatetime(tzinfo=UTC) if each.HasField("oldest_at") else None,
            each.ahead,
        )
        for each in answer.outbox.backlogs
    }


async def test_a_service_at_rest_says_so(service: Service, port: int) -> None:
    service.consumers.append(Consumer("audit", {}))
    answer = await service.ask(port)
    assert answer.received_at.ToDatetime(tzinfo=UTC) == answer.answered_at.ToDatetime(tzinfo=UTC) == NOON
    assert answer.HasField("outbox")
    assert (answer.outbox.unnumbered, answer.outbox.HasField("oldest_unnumbered_at")) == (0, False)
    assert backlogs(answer) == {"audit": (0, None, False)}
    assert answer.HasField("parking")
    assert list(answer.parking.records) == []


async def test_each_consumers_backlog_is_told_with_the_age_of_its_oldest_event(service: Service, port: int) -> None:
    old, later, last = NOON - timedelta(hours=2), NOON - timedelta(hours=1), NOON - timedelta(minutes=1)
    await service.emit(at=old)
    await service.emit(at=later, count=2)
    await service.emit(at=later, log=OTHER_LOG)
    await service.number()
    await service.emit(at=last)
    service.consumers += [
        Consumer("session", {bucket_of(LOG): Position(1, 1), bucket_of(OTHER_LOG): Position(1, 1)}),
        Consumer("audit", {}),
        Consumer("datarights", None),
    ]
    answer = await service.ask(port)
    assert (answer.outbox.unnumbered, answer.outbox.oldest_unnumbered_at.ToDatetime(tzinfo=UTC)) == (1, last)
    assert backlogs(answer) == {
        "audit": (5, old, False),
        "session": (3, later, False),
        # It did not say; what is not known is absent.
        "datarights": (None, None, False),
    }
    assert [each.consumer for each in answer.outbox.backlogs] == ["audit", "datarights", "session"]


async def test_a_consumer_that_has_everything_waits_for_nothing(service: Service, port: int) -> None:
    await service.emit(at=NOON, count=3)
    await service.number()
    service.consumers.append(Consumer("audit", {bucket_of(LOG): Position(1, 3)}))
    assert backlogs(await service.ask(port)) == {"audit": (0, None, False)}


async def test_a_new_generation_is_to_be_taken_in_whole_and_a_forgotten_one_is_told(
    service: Service, port: int
) -> None:
    await service.emit(at=NOON, count=3)
    await service.number()
    # Restored without a new generation: it has less than the consumer took in.
    service.consumers.append(Consumer("audit", {bucket_of(LOG): Position(1, 4)}))
    assert backlogs(await service.ask(port)) == {"audit": (0, None, True)}
    async with service.databases.relay.transaction(Context()) as tx:
        await begin_generation(tx)
    await service.number()
    assert backlogs(await service.ask(port)) == {"audit": (3, NOON, False)}


async def test_parked_records_are_counted_by_reason(service: Service, port: int) -> None:
    await service.park(Reason.FORGED)
    service.clock.advance(60)
    await service.park(Reason.FAILED, Reason.FORGED, Reason.FAILED)
    records = {each.reason: each for each in (await service.ask(port)).parking.records}
    assert {reason: each.records for reason, each in records.items()} == {"failed": 2, "forged": 2}
    forged = records["forged"]
    first, last = (stamp.ToDatetime(tzinfo=UTC) for stamp in (forged.first_at, forged.last_at))
    assert (first, last) == (NOON, NOON + timedelta(seconds=60))


async def test_what_cannot_be_looked_at_is_absent_and_the_clock_is_told_all_the_same(service: Service) -> None:
    service.consumers.append(Consumer("audit", {}))
    async with service.served() as port:
        # As at its start, while it waits for the database.
        answer = await service.ask(port)
        assert answer.answered_at.ToDatetime(tzinfo=UTC) == NOON
        assert (answer.HasField("outbox"), answer.HasField("parking")) == (False, False)
        await service.databases.open()
        await service.databases.relay.close()
        answer = await service.ask(port)
        assert (answer.HasField("outbox"), answer.HasField("parking")) == (False, True)


@pytest.mark.parametrize("peer", ["gateway", "audit", "tenancy", "records"])
async def test_nobody_but_the_operator_may_ask(service: Service, port: int, peer: str) -> None:
    with pytest.raises(PermissionDenied) as refusal:
        await service.ask(port, peer=peer)
    assert refusal.value.reason_name == "REASON_PEER_NOT_ALLOWED"


@pytest.mark.parametrize("role", ["runtime", "jobs"])
async def test_no_other_role_reads_the_outbox(service: Service, port: int, role: str) -> None:
    database: Database = getattr(service.databases, role)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await database.fetch("SELECT count(*) FROM outbox")
