"""A server of tenancy's WorkspaceService with handlers of the test's own, and callers of any name."""

from collections.abc import AsyncIterator

import pytest

from tests.integration.rpc.workspaces import ServerForTests
from tests.support.mutual_tls import CertificatesForTests


@pytest.fixture
async def server(certificates: CertificatesForTests) -> AsyncIterator[ServerForTests]:
    server = ServerForTests(certificates=certificates)
    async with server.server:
        yield server
    await server.close()
