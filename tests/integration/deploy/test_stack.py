"""The local stack is started, stopped, killed and started again, in the places and by the users that it promises."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import asyncpg
import psutil
import pytest
from aiokafka.admin import AIOKafkaAdminClient

from deploy.local.home import read_json, write_json
from deploy.local.stack import TOPICS
from tests.support.stack import LocalStack, prepared_home

#: `nobody`: a normal user that every system has.
NORMAL_USER = 65534
STORES = ("--stores",)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return prepared_home(tmp_path / "home")


class StackMaker(Protocol):
    def __call__(self, home: Path, *, user: int | None = None, **variables: Any) -> LocalStack: ...


@pytest.fixture
def local_stack() -> Iterator[StackMaker]:
    """Makes stacks of stores alone, and leaves none of them running."""
    made: list[LocalStack] = []

    def make(home: Path, *, user: int | None = None, **variables: Any) -> LocalStack:
        made.append(LocalStack(home, arguments=STORES, environment=variables, user=user))
        return made[-1]

    yield make
    for stack in made:
        stack.end()


def administrator_url(stack: LocalStack) -> str:
    password = (stack.home / "secrets" / "postgresql_administrator.password").read_text()
    return f"postgresql://postgres:{password}@{stack.state['addresses']['postgresql']}/postgres"


def assert_all_ended(pids: list[int]) -> None:
    deadline = time.monotonic() + 60
    while any(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in pids):
        assert time.monotonic() < deadline, "a process outlived the supervisor"
        time.sleep(0.05)


@pytest.mark.parametrize("name", ["with a space", "l" * 120])
def test_it_starts_stops_and_starts_again_in_an_odd_place(local_stack: StackMaker, tmp_path: Path, name: str) -> None:
    stack = local_stack(prepared_home(tmp_path / name))
    stack.start()
    first = dict(stack.state["addresses"])
    pids = [piece["pid"] for piece in stack.state["pieces"]]
    assert "Stopped." in stack.stop(signal.SIGINT)
    assert stack.exit_code == 0
    assert_all_ended(pids)
    stack.start()
    assert stack.state["addresses"] == first
    stack.stop()


async def test_it_starts_after_a_kill_with_its_data_and_addresses(local_stack: StackMaker, home: Path) -> None:
    stack = local_stack(home)
    stack.start()
    first = dict(stack.state["addresses"])
    pids = [piece["pid"] for piece in stack.state["pieces"]]
    connection = await asyncpg.connect(administrator_url(stack))
    await connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
    await connection.close()
    stack.kill()
    stack.start()
    assert_all_ended(pids)
    assert stack.state["addresses"] == first
    connection = await asyncpg.connect(administrator_url(stack))
    assert await connection.fetchval("SELECT one FROM kept") == 1
    await connection.close()
    stack.stop()


def test_what_dies_is_started_again_and_the_broker_gets_its_topics_back(local_stack: StackMaker, home: Path) -> None:
    stack = local_stack(home)
    stack.start()
    killed = {name: stack.pid_of(name) for name in ("postgresql", "valkey", "kafka", "mail")}
    for pid in killed.values():
        os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 120
    while not (stack.status()["ready"] and all(stack.pid_of(name) != pid for name, pid in killed.items())):
        assert time.monotonic() < deadline, stack.state
        time.sleep(0.2)
    assert set(TOPICS) <= set(topics(stack.state["addresses"]["kafka"]))
    said = stack.stop()
    assert "kafka was ended by signal 9; starting it again in 0.5 s" in said


def topics(bootstrap: str) -> list[str]:
    async def listed() -> list[str]:
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        await admin.start()
        try:
            names: list[str] = await admin.list_topics()
            return names
        finally:
            await admin.close()

    return asyncio.run(listed())


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that other users may enter, which pytest's own are not."""
    directory = Path(tempfile.mkdtemp(prefix="wardenry-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


def others_may_run(program: Path) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in program.resolve().parents)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else; a normal user runs every other test")
@pytest.mark.skipif(not others_may_run(Path(sys.executable)), reason="this Python is root's alone")
def test_a_normal_user_can_run_it(local_stack: StackMaker, open_directory: Path) -> None:
    home = prepared_home(open_directory / "home")
    os.chown(home, NORMAL_USER, NORMAL_USER)
    os.chown(home / "ports.json", NORMAL_USER, NORMAL_USER)
    stack = local_stack(home, user=NORMAL_USER)
    stack.start()
    owners = {psutil.Process(piece["pid"]).uids().real for piece in stack.state["pieces"]}
    assert owners == {NORMAL_USER}
    stack.stop()


def refused(stack: LocalStack) -> str:
    """What a stack says that does not start: one line and a status other than 0."""
    stack.spawn()
    lines = [line for line in stack.output().splitlines() if not line.startswith(("Starting", "Stopped"))]
    assert stack.exit_code not in (0, None)
    assert len(lines) == 1, lines
    return lines[0]


def test_a_second_one_in_the_same_place_says_so(local_stack: StackMaker, home: Path) -> None:
    stack = local_stack(home)
    stack.start()
    assert f"already runs in {home} (process {stack.supervisor})" in refused(local_stack(home))
    stack.stop()


def test_a_port_that_was_asked_for_and_is_taken_is_an_error(local_stack: StackMaker, home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = refused(local_stack(home, WARDENRY_HTTP_PORT=str(port)))
        assert line == f"Port {port} is in use by another program: set WARDENRY_HTTP_PORT to a free one."


def test_a_remembered_port_that_is_taken_is_replaced(local_stack: StackMaker, home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        write_json(home / "ports.json", {**read_json(home / "ports.json"), "valkey": port})
        stack = local_stack(home)
        stack.start()
        assert stack.state["addresses"]["valkey"] != f"127.0.0.1:{port}"
        stack.stop()


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("WARDENRY_HTTP_PROT", "1", "WARDENRY_HTTP_PROT is no setting. Did you mean WARDENRY_HTTP_PORT?"),
        ("WARDENRY_HTTP_PORT", "0", "WARDENRY_HTTP_PORT is '0': set a port from 1 to 65535."),
        ("WARDENRY_LOG_LEVEL", "loud", "WARDENRY_LOG_LEVEL is 'loud': set debug, info, warning or error."),
        ("WARDENRY_HOME", "/proc/nowhere", "set WARDENRY_HOME to a directory that you may write."),
        ("WARDENRY_POSTGRES_ADMINISTRATOR_URL_FILE", "/nowhere", "put the administrator's URL there."),
    ],
)
def test_a_wrong_setting_is_one_line(
    local_stack: StackMaker, home: Path, variable: str, value: str, expected: str
) -> None:
    assert expected in refused(local_stack(home, user=None, **{variable: value}))


def test_status_says_what_runs_and_answers_by_its_exit_code(home: Path, local_stack: StackMaker) -> None:
    command = [sys.executable, "-m", "deploy.local", "status", "--json"]
    environment = os.environ | {"WARDENRY_HOME": str(home)}
    before = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (before.returncode, json.loads(before.stdout)) == (1, {"running": False})
    stack = local_stack(home)
    stack.start()
    during = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert during.returncode == 0
    assert {piece["name"] for piece in json.loads(during.stdout)["pieces"]} == {
        "postgresql", "vault", "valkey", "kafka", "mail"
    }  # fmt: skip
