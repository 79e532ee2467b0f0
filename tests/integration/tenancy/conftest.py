"""Tenancy on a real database, fresh for each test."""

from collections.abc import AsyncIterator

import pytest

from tests.support.postgres import ServiceDatabases
from tests.support.tenancy import Tenancy


@pytest.fixture
async def tenancy(service_database: ServiceDatabases) -> AsyncIterator[Tenancy]:
    world = Tenancy(stored=service_database("tenancy"))
    await world.open()
    yield world
    await world.close()
