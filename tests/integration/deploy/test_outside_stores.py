"""The suite on stores that it did not start: they may be away when it starts, go while it runs, and come back."""

import asyncio
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2
import pytest

from deploy.local.demo.browser import Browser
from deploy.local.demo.mail import Mail
from tests.support.ports import free_port
from tests.support.running_stack import browser
from tests.support.stack import LocalStack, prepared_home
from wardenry.clock import SystemClock

# One start of both serves all of them; they share a process with nobody else.
pytestmark = [pytest.mark.xdist_group("outside stores"), pytest.mark.timeout(240)]

STORES = ("postgresql", "vault", "valkey", "kafka")
#: The longest that everything may take to be as before once a store is back.
RECOVERY_SECONDS = 120
PASSWORD = "quiet-harbour-of-the-outside"


def pointed_at(home: Path, addresses: dict[str, str]) -> dict[str, str]:
    """The settings that lead to the stores of the stack in `home`."""
    passwords = {
        name: (home / "secrets" / f"{name}.password").read_text()
        for name in ("postgresql_administrator", "vault_administrator", "valkey")
    }
    files = {}
    for name in ("postgresql", "vault"):
        files[name] = home / f"{name}.url"
        files[name].write_text(f"postgresql://postgres:{passwords[f'{name}_administrator']}@{addresses[name]}/postgres")
    return {
        "WARDENRY_POSTGRES_ADMINISTRATOR_URL_FILE": str(files["postgresql"]),
        "WARDENRY_VAULT_ADMINISTRATOR_URL_FILE": str(files["vault"]),
        "WARDENRY_VALKEY_URL": f"redis://:{passwords['valkey']}@{addresses['valkey']}/0",
        "WARDENRY_KAFKA_BOOTSTRAP": addresses["kafka"],
    }


@contextmanager
def down(outside: LocalStack, *names: str) -> Iterator[None]:
    """Without these stores: they are killed, and their supervisor starts them again at the end and not before."""
    outside.status()
    os.kill(outside.supervisor, signal.SIGSTOP)
    try:
        for name in names:
            os.kill(outside.pid_of(name), signal.SIGKILL)
        yield
    finally:
        os.kill(outside.supervisor, signal.SIGCONT)


@pytest.fixture(scope="module")
def outside() -> Iterator[LocalStack]:
    """Stores and nothing else, in a home of their own."""
    with TemporaryDirectory(prefix="wardenry-outside-") as directory:
        Path(directory).chmod(0o711)
        stores = LocalStack(prepared_home(Path(directory) / "home"), arguments=("--stores",))
        stores.start()
        yield stores
        stores.stop()


@pytest.fixture(scope="module")
def suite(outside: LocalStack) -> Iterator[LocalStack]:
    """The services on those stores, started while none of them is there."""
    with TemporaryDirectory(prefix="wardenry-inside-") as directory:
        Path(directory).chmod(0o711)
        home = prepared_home(Path(directory) / "home")
        services = LocalStack(home, environment=pointed_at(outside.home, outside.state["addresses"]))
        with down(outside, *STORES):
            services.spawn()
            wait_for(lambda: len(services.status().get("outside", [])) == len(STORES))
            assert not any(store["answers"] for store in services.state["outside"])
            assert services.exit_code is None
        wait_for(lambda: bool(services.status().get("ready")))
        yield services
        # What the operator's command finds it by is there while it runs, and no longer.
        assert (home / "operator.env").exists()
        said = services.stop()
        assert not (home / "operator.env").exists()
        for title in ("PostgreSQL", "The vault's PostgreSQL", "Valkey", "Kafka"):
            assert f"\n{title} does not answer at 127.0.0.1:" in said
            assert f"\n{title} answers at 127.0.0.1:" in said
        assert "Traceback" not in said
        lines = [line for log in (home / "logs").glob("*.log") for line in log.read_text().splitlines()]
        assert not [line for line in lines if "Traceback" in line or "was never retrieved" in line]


def wait_for(condition: Callable[[], bool], *, seconds: float = RECOVERY_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


async def sign_up(person: Browser, mail: Mail) -> str:
    """The address of somebody new, who is signed in."""
    address = f"person.{secrets.token_hex(6)}@example.com"
    new = {"address": address, "password": PASSWORD, "display_name": "Somebody"}
    begun = await person.ask("POST", "/api/v1/registrations", new, expect=202)
    code = {"code": await mail.code(address)}
    await person.ask("POST", f"/api/v1/registrations/{begun['registration_id']}/verification", code, expect=201)
    return address


async def sign_in(person: Browser, address: str) -> None:
    await person.ask("POST", "/api/v1/sessions", {"address": address, "password": PASSWORD}, expect=201)
    await person.ask("GET", "/api/v1/subject", expect=200)


async def eventually(act: Callable[[], Awaitable[None]]) -> float:
    """Seconds until it went well."""
    began = time.monotonic()
    while True:
        try:
            await act()
            return time.monotonic() - began
        except Exception:
            if time.monotonic() - began > RECOVERY_SECONDS:
                raise
        await asyncio.sleep(0.2)


def test_its_page_answers_and_it_started_no_store(suite: LocalStack, outside: LocalStack) -> None:
    assert httpx2.get(f"{suite.state['urls']['http']}/sign-in", timeout=30).status_code == 200
    started = {piece["name"] for piece in suite.state["pieces"]}
    assert started == {"mail", "identity", "session", "tenancy", "audit", "datarights", "gateway"}
    for name in STORES:
        assert suite.state["addresses"][name] == outside.state["addresses"][name]


@pytest.mark.parametrize("name", STORES)
async def test_a_store_that_goes_is_waited_for_and_used_when_it_is_back(
    suite: LocalStack, outside: LocalStack, name: str
) -> None:
    processes = {piece["name"]: piece["pid"] for piece in suite.status()["pieces"]}
    person, mail = browser(suite), Mail(url=suite.state["urls"]["mail"], clock=SystemClock())
    try:
        address = await sign_up(person, mail)
        with down(outside, name):
            wait_for(lambda: not suite.status()["ready"])
            answer = await person.send("POST", "/api/v1/sessions", {"address": address, "password": PASSWORD})
            # Neither the cache nor the broker is on the way of a sign-in.
            assert answer.status_code in ((503,) if name == "postgresql" else (201,)), answer.text
            assert httpx2.get(f"{suite.state['urls']['http']}/sign-in", timeout=30).status_code == 200
        wait_for(lambda: bool(suite.status()["ready"]))
        seconds = await eventually(lambda: sign_in(person, address))
        print(f"{name}: signed in {seconds:.1f} s after it was back")
        await sign_up(person, mail)
    finally:
        await person.close()
        await mail.close()
    assert {piece["name"]: piece["pid"] for piece in suite.status()["pieces"]} == processes, "a service was restarted"


def test_nothing_there_is_one_line_each_and_it_still_stops_at_once(tmp_path: Path) -> None:
    url = tmp_path / "administrator.url"
    url.write_text(f"postgresql://administrator:secret@127.0.0.1:{free_port()}/postgres\n")
    nowhere = {
        "WARDENRY_POSTGRES_ADMINISTRATOR_URL_FILE": str(url),
        "WARDENRY_VAULT_ADMINISTRATOR_URL_FILE": str(url),
        "WARDENRY_VALKEY_URL": f"redis://:secret@127.0.0.1:{free_port()}/0",
        "WARDENRY_KAFKA_BOOTSTRAP": f"127.0.0.1:{free_port()}",
    }
    stack = LocalStack(prepared_home(tmp_path / "home"), environment=nowhere)
    stack.spawn()
    wait_for(lambda: len(stack.status().get("outside", [])) == len(STORES))
    time.sleep(3)
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", ""], check=True)
    busy = time.monotonic() - began
    began = time.monotonic()
    said = stack.stop().splitlines()
    # Three seconds, and more where even an interpreter takes long to start.
    assert time.monotonic() - began < 3 + 20 * busy
    assert stack.exit_code == 0
    assert len(said) == len(("Starting", "Stopping", "Stopped")) + len(STORES), said
    assert len([line for line in said if line.endswith("; waiting for it.")]) == len(STORES)
    assert not [line for line in said if "secret" in line]


def test_an_administrator_who_is_refused_is_one_line(outside: LocalStack, tmp_path: Path) -> None:
    url = tmp_path / "administrator.url"
    address = outside.state["addresses"]["postgresql"]
    url.write_text(f"postgresql://postgres:wrong@{address}/postgres")
    stack = LocalStack(
        prepared_home(tmp_path / "home"), environment={"WARDENRY_POSTGRES_ADMINISTRATOR_URL_FILE": str(url)}
    )
    stack.spawn()
    said = stack.output().splitlines()
    assert stack.exit_code == 1
    assert said[-1] == (
        f'PostgreSQL at {address} could not be set up: password authentication failed for user "postgres"'
    )
    assert len(said) == 2
