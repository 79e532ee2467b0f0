"""One identity, on databases of its own, for each test."""

from collections.abc import AsyncIterator

import pytest

from tests.support.identity import IdentityForTests, identity_for_tests
from tests.support.postgres import ServiceDatabases


@pytest.fixture
async def identity(service_database: ServiceDatabases) -> AsyncIterator[IdentityForTests]:
    async with identity_for_tests(service_database) as service:
        yield service
