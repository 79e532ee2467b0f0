"""Audit on a fresh database, for each test."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from libs.db.pool import Database
from libs.events.position import Position
from libs.ids import PLATFORM
from services.audit.fsck.store import Fsck
from services.audit.jobs.anchor import AnchorGrownLogs
from tests.support.audit import OTHER_LOG, SIGNER, AuditOnPostgres, audit_on, raw_of
from tests.support.postgres import ServiceDatabases
from wardenry.events.v1 import envelope_pb2
from wardenry.log.leaf import parse_leaf


@pytest.fixture
async def audit(service_database: ServiceDatabases) -> AsyncIterator[AuditOnPostgres]:
    async with audit_on(service_database("audit")) as audit:
        yield audit


@pytest.fixture
async def fsck(audit: AuditOnPostgres) -> AsyncIterator[Fsck]:
    """Of a store with a log of two tiles, another one, and their heads in the platform log."""
    await audit.intake.take(audit.records(10))
    await audit.intake.take([*audit.records(250), *audit.records(2, log=OTHER_LOG)])
    jobs = Database(url=audit.service_database.jobs, name="jobs", size=2)
    await jobs.open()
    await AnchorGrownLogs(
        jobs=jobs, anchoring=audit.anchoring, interval=timedelta(minutes=1), clock=audit.clock
    ).anchor()
    records = []
    for number, (action, envelope) in enumerate(await audit.outbox()):
        leaf = parse_leaf(envelope_pb2.Envelope.FromString(envelope).leaf)
        event = audit.event(event_id=leaf.event_id, log=PLATFORM, action=action, occurred_at=leaf.occurred)
        made = audit.record(event, envelope=envelope, position=Position(1, number))
        made = replace(made, source="audit", raw=None)
        records.append(replace(made, raw=raw_of(made)))
    await audit.intake.take(records)
    yield Fsck(
        runtime=audit.database,
        jobs=jobs,
        objects=audit.objects,
        key=SIGNER.key,
        clock=audit.clock,
        progress=lambda text: None,
    )
    await jobs.close()
