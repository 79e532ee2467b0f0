"""Audit on a fresh database, for each test."""

from collections.abc import AsyncIterator

import pytest

from tests.support.audit import AuditOnPostgres, audit_on
from tests.support.postgres import ServiceDatabases


@pytest.fixture
async def audit(service_database: ServiceDatabases) -> AsyncIterator[AuditOnPostgres]:
    async with audit_on(service_database("audit")) as audit:
        yield audit
