"""The stores of the local stack, each really started."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError

from deploy.local.postgres import Postgres
from deploy.local.process import NotReady
from tests.support.broker import BrokerForTests
from tests.support.ports import free_port
from tests.support.valkey import ValkeyForTests


def cluster(directory: Path) -> Postgres:
    return Postgres(
        name="postgresql", directory=directory / "data", port=free_port(), password="secret", log=directory / "log"
    )


@pytest.fixture(params=["plain", "with a space", "l" * 120])
def directory(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    path = tmp_path / str(request.param)
    path.mkdir()
    return path


async def test_postgres_keeps_its_data_over_a_kill(directory: Path) -> None:
    server = cluster(directory)
    server.start()
    try:
        connection = await asyncpg.connect(server.superuser_url)
        await connection.execute("CREATE TABLE kept (id int)")
        await connection.close()
        first = server.process.pid
        assert first is not None
        server.process.kill()
        server.start()
        assert server.process.pid != first
        connection = await asyncpg.connect(server.superuser_url)
        assert await connection.fetchval("SELECT count(*) FROM kept") == 0
        await connection.close()
    finally:
        server.process.stop()
    assert server.process.exit_code == 0


async def test_postgres_starts_over_the_lock_file_of_a_foreign_process(tmp_path: Path) -> None:
    server = cluster(tmp_path)
    server.start()
    lock = (server.directory / "postmaster.pid").read_text()
    server.process.kill()
    # The number of the killed postmaster now belongs to somebody else: to us.
    (server.directory / "postmaster.pid").write_text("\n".join([str(os.getpid()), *lock.splitlines()[1:]]))
    server.start()
    server.process.stop()


async def test_postgres_takes_over_from_a_postmaster_whose_parent_is_gone(tmp_path: Path) -> None:
    left, server = cluster(tmp_path), cluster(tmp_path)
    left.start()
    server.start()
    assert left.process.exit_code is not None
    server.process.stop()


async def test_postgres_wants_a_password(tmp_path: Path) -> None:
    server = cluster(tmp_path)
    server.start()
    try:
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(server.url(role="postgres", password="other", database="postgres"))
    finally:
        server.process.stop()


def test_an_interrupted_creation_is_begun_anew(tmp_path: Path) -> None:
    half = tmp_path / "data.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    server = cluster(tmp_path)
    server.start()
    server.process.stop()
    assert not half.exists()


async def test_valkey_is_empty_after_a_restart_and_wants_a_password(valkey: ValkeyForTests) -> None:
    async with Redis.from_url(valkey.url) as client:
        await client.set("key", "value")
    valkey.forget()
    async with Redis.from_url(valkey.url) as client:
        assert await client.get("key") is None
    async with Redis.from_url("redis://" + valkey.url.rpartition("@")[2]) as stranger:
        with pytest.raises(AuthenticationError, match="authenticated"):
            await stranger.ping()


async def test_the_broker_forgets_its_topics(broker: BrokerForTests) -> None:
    async def topics() -> list[str]:
        admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
        await admin.start()
        try:
            listed: list[str] = await admin.list_topics()
            return listed
        finally:
            await admin.close()

    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic("wardenry.test.v1", 8, 1)])
    await admin.close()
    assert "wardenry.test.v1" in await topics()
    broker.forget()
    assert "wardenry.test.v1" not in await topics()


def test_a_store_ends_with_its_parent(tmp_path: Path) -> None:
    """The kernel ends the child when the process that started it is killed."""
    script = (
        "import sys, time; from pathlib import Path; from deploy.local.valkey import Valkey;"
        f"s = Valkey(name='v', directory=Path({str(tmp_path)!r}), port={free_port()}, password='p',"
        f" log=Path({str(tmp_path)!r}) / 'log');"
        "s.start(); print(s.process.pid, flush=True); time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 60
    while Path(f"/proc/{child}").exists() and "\nState:\tZ" not in Path(f"/proc/{child}/status").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_postgres_does_not_wait_for_a_port_that_somebody_else_has(tmp_path: Path) -> None:
    server = cluster(tmp_path)
    server.create()
    with socket.create_server(("127.0.0.1", server.port)), pytest.raises(NotReady, match="did not start"):
        server.start()
    # Had it waited, it would have tried again and again.
    assert (tmp_path / "log").read_text().count("could not create any TCP/IP sockets") == 1
