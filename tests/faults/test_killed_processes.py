"""Each process of the suite is killed while people work; it comes back, and nothing acknowledged is missing."""

import asyncio
import os
import secrets
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest

from deploy.local.demo.proof import verify
from tests.support.people import People, Person, Workspace
from tests.support.running_stack import wait_for_another_process
from tests.support.stack import LocalStack

SERVICES = ("identity", "session", "tenancy", "audit", "datarights", "gateway")
STORES = ("postgresql", "vault", "valkey", "kafka", "mail")
#: How long people work on after the kill, seconds.
AFTER = 3.0
#: How long the log may take to have all of it, seconds. What is tried here is that nothing is lost, not how soon it
#: comes: of a broker that forgets, topics, groups and records have to be made anew first.
ARRIVAL = 120.0
#: Answers that say "later" and promise nothing.
NOT_NOW = frozenset({429, 503, 504})


@dataclass(slots=True)
class Work:
    """What a person did, and what was said to it."""

    #: Names that the workspace was given, and whose giving was acknowledged.
    acknowledged: int = 0
    #: Tried, with no or another answer: may have happened or not.
    unknown: int = 0
    statuses: set[int] = field(default_factory=set)


async def rename_again_and_again(person: Person, workspace: Workspace, stop: asyncio.Event) -> Work:
    """One act after another, each of which is an entry once it is acknowledged."""
    work = Work()
    while not stop.is_set():
        try:
            answer = await person.browser.send("PATCH", workspace.path, {"name": f"Name {secrets.token_hex(4)}"})
        except httpx2.HTTPError:
            work.unknown += 1
            await asyncio.sleep(0.1)
            continue
        work.statuses.add(answer.status_code)
        if answer.status_code == 200:
            work.acknowledged += 1
        else:
            work.unknown += 1
            await asyncio.sleep(0.1)
    return work


@pytest.mark.parametrize("name", [*SERVICES, *STORES])
async def test_a_killed_process_comes_back_and_nothing_acknowledged_is_lost(
    people: People, stack: LocalStack, name: str, tmp_path: Path
) -> None:
    person = await people.person()
    workspace = await people.workspace(person)
    stop = asyncio.Event()
    working = asyncio.create_task(rename_again_and_again(person, workspace, stop))
    await asyncio.sleep(0.5)
    stack.status()
    killed = stack.pid_of(name)
    os.kill(killed, signal.SIGKILL)
    await asyncio.to_thread(wait_for_another_process, stack, name, killed)
    await asyncio.sleep(AFTER)
    stop.set()
    work = await working

    assert work.acknowledged > 5
    # It may be unavailable for a moment; it must never turn somebody away for good, nor fail in another way.
    assert work.statuses <= {200} | NOT_NOW, work.statuses
    again = people.browser()
    credentials = {"address": person.address, "password": person.password, "workspace": workspace.slug}
    await again.ask("POST", "/api/v1/sessions", credentials, expect=201)
    await again.ask("GET", workspace.path, expect=200)
    await everything_is_in_the_log(people, person, workspace, work, tmp_path)


async def everything_is_in_the_log(
    people: People, person: Person, workspace: Workspace, work: Work, tmp_path: Path
) -> None:
    """The sign-in, every acknowledged change, at most every tried one; each once, without a gap, and proved."""
    deadline = time.monotonic() + ARRIVAL
    while True:
        entries = await people.all_entries(person, workspace)
        actions = [entry["action"] for entry in entries]
        changes = actions.count("settings.changed")
        if changes >= work.acknowledged and "user.login" in actions:
            break
        assert time.monotonic() < deadline, (work.acknowledged, changes, "user.login" in actions)
        await asyncio.sleep(0.2)
    assert changes <= work.acknowledged + work.unknown
    assert len({entry["event_id"] for entry in entries}) == len(entries)
    assert sorted(entry["index"] for entry in entries) == list(range(len(entries)))
    keys = (await person.browser.ask("GET", "/.well-known/wardenry-log-keys", expect=200))["keys"]
    export = tmp_path / "log.jsonl"
    export.write_bytes(await person.browser.download(f"{workspace.path}/audit/exports", {"format": "jsonl"}))
    assert verify(export, keys, expect=0)["entries"] >= len(entries)
