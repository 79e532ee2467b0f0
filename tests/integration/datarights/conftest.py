"""Datarights on a fresh database."""

from collections.abc import AsyncIterator

import pytest

from tests.support.datarights import DatarightsForTests
from tests.support.postgres import ServiceDatabases


@pytest.fixture
async def datarights(service_database: ServiceDatabases) -> AsyncIterator[DatarightsForTests]:
    async with DatarightsForTests(stored=service_database("datarights")) as running:
        yield running
