"""Audit on a fresh database, for each test."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from libs.db.pool import Database
from services.audit.fsck.store import Fsck
from services.audit.jobs.anchor import AnchorGrownLogs
from tests.support.audit import OTHER_LOG, SIGNER, AuditOnPostgres, audit_on
from tests.support.postgres import ServiceDatabases


@pytest.fixture
async def audit(service_database: ServiceDatabases) -> AsyncIterator[AuditOnPostgres]:
    async with audit_on(service_database("audit")) as audit:
        yield audit


@pytest.fixture
async def jobs(audit: AuditOnPostgres) -> AsyncIterator[Database]:
    """Under the role of audit's jobs."""
    jobs = Database(url=audit.service_database.jobs, name="jobs", size=2)
    await jobs.open()
    yield jobs
    await jobs.close()


@pytest.fixture
async def fsck(audit: AuditOnPostgres, jobs: Database) -> Fsck:
    """Of a store with a log of two tiles, another one, and their heads in the platform log."""
    await audit.intake.take(audit.records(10))
    await audit.intake.take([*audit.records(250), *audit.records(2, log=OTHER_LOG)])
    await AnchorGrownLogs(
        jobs=jobs, anchoring=audit.anchoring, interval=timedelta(minutes=1), clock=audit.clock
    ).anchor()
    await audit.deliver()
    return Fsck(
        runtime=audit.database,
        jobs=jobs,
        objects=audit.objects,
        key=SIGNER.key,
        clock=audit.clock,
    )
