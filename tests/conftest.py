"""Fixtures that every test may use: real stores and a real broker, one of each for a test process."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from deploy.local.tansu import NoBroker
from libs.ids import SystemEntropy
from tests.support.broker import BrokerForTests, KafkaForTests, TansuForTests
from tests.support.mutual_tls import CertificatesForTests
from tests.support.people import People
from tests.support.postgres import PostgresForTests, ServiceDatabases
from tests.support.rates import BUSY
from tests.support.stack import LocalStack, prepared_home
from tests.support.valkey import ValkeyForTests

#: What a terminal, or who runs the tests, says of colours and widths.
_OF_A_TERMINAL = ("COLUMNS", "LINES", "FORCE_COLOR", "NO_COLOR", "CLICOLOR_FORCE", "TTY_COMPATIBLE", "TTY_INTERACTIVE")
_HERE = "localhost,127.0.0.1,::1"


def pytest_configure() -> None:
    """Tests read the same on every terminal, and no proxy stands between them and the servers that they start."""
    for name in _OF_A_TERMINAL:
        os.environ.pop(name, None)
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, (os.environ.get(name), _HERE)))


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresForTests]:
    """The PostgreSQL cluster of this test process."""
    with TemporaryDirectory(prefix="wardenry-postgresql-") as directory:
        # Where it must run as `nobody` it passes through here; pytest's own directories let nobody through.
        Path(directory).chmod(0o711)
        cluster = PostgresForTests(directory=Path(directory), entropy=SystemEntropy())
        cluster.start()
        yield cluster
        cluster.stop()


@pytest.fixture(scope="session")
def service_database(postgres: PostgresForTests) -> ServiceDatabases:
    """Makes fresh databases: `service_database("identity", [Path("services/identity/migrations")]).runtime`."""
    return postgres.service_database


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> CertificatesForTests:
    """One authority, and its certificate for any name: `certificates.of("identity")`."""
    return CertificatesForTests(directory=tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyForTests]:
    server = ValkeyForTests(directory=tmp_path_factory.mktemp("valkey"), entropy=SystemEntropy())
    server.start()
    yield server
    server.stop()


@pytest.fixture
def valkey(valkey_server: ValkeyForTests) -> ValkeyForTests:
    """An empty Valkey: `valkey.url`."""
    valkey_server.forget()
    return valkey_server


@pytest.fixture(scope="session")
def tansu_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerForTests]:
    server = TansuForTests(directory=tmp_path_factory.mktemp("broker"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def kafka_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerForTests]:
    """Skips the tests that use it, and says why, where Java or Maven are missing."""
    try:
        server = KafkaForTests(directory=tmp_path_factory.mktemp("kafka"))
    except NoBroker as missing:
        pytest.skip(str(missing))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def broker(request: pytest.FixtureRequest) -> BrokerForTests:
    """A Kafka broker without topics: `broker.bootstrap`, `broker.forget()`.

    It is the embedded one, unless the test is parametrised by BROKERS.
    """
    server: BrokerForTests = request.getfixturevalue(f"{getattr(request, 'param', 'tansu')}_server")
    server.clear()
    return server


@pytest.fixture(scope="session")
def stack() -> Iterator[LocalStack]:
    """The whole suite, as `make run` starts it: `stack.state["urls"]`, `["addresses"]`, `["pki"]`."""
    with TemporaryDirectory(prefix="wardenry-stack-") as directory:
        Path(directory).chmod(0o711)
        # All tests are one address to the limits.
        generous = {**BUSY, "WARDENRY_SESSION_REFRESH_BURST": "1000000"}
        started = LocalStack(prepared_home(Path(directory) / "home"), environment=generous)
        started.start()
        yield started
        started.stop()


@pytest.fixture
async def people(stack: LocalStack) -> AsyncIterator[People]:
    """People with browsers, who use the whole suite through the gateway."""
    made = People(stack)
    yield made
    await made.close()


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that use the whole suite run in one process, so that it is started once."""
    for item in items:
        if "stack" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("stack"))
