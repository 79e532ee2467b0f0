"""Session over a fresh database."""

from collections.abc import AsyncIterator

import pytest

from tests.support.postgres import ServiceDatabases
from tests.support.session import SessionForTests


@pytest.fixture
async def session(service_database: ServiceDatabases) -> AsyncIterator[SessionForTests]:
    async with SessionForTests(service_database("session")) as parts:
        yield parts
