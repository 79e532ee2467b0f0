"""M1: memory of the whole suite at rest and after load, and how long a cold start takes."""

import asyncio
import contextlib
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict

import httpx2

from deploy.local.demo.browser import Unexpected
from deploy.local.demo.mail import NoMail
from tests.bench.client import client
from tests.bench.grants import sign_in
from tests.bench.machine import on
from tests.bench.measurement import Bench, Failed, Measurement
from tests.bench.pss import Memory, memory_of
from tests.bench.stores import Stores, stores
from tests.support.people import People
from tests.support.rates import BUSY

SUITE = ("identity", "session", "tenancy", "audit", "datarights", "gateway")
#: Megabytes at rest and after load; seconds for one and for all.
REST, LOADED, ONE, ALL = 600.0, 800.0, 2.5, 10.0
_ROUNDS = 5
#: People who do everything once, and again, while others only refresh.
_WORKERS = 4
_IN_FLIGHT = 8
#: Seconds that the first round of work may take beyond the load's.
_PATIENCE = 60.0
SETTINGS = dict.fromkeys(BUSY, "100000000")


async def measure(bench: Bench) -> Sequence[Measurement]:
    """Nothing is pinned. Raises Failed, NotMeasured."""
    with on(bench.cores.all):
        return [*await _cold_starts(bench), *await _memory(bench)]


async def _cold_starts(bench: Bench) -> list[Measurement]:
    """From the start of a process to its readiness, with the stores there and the files in memory."""
    alone: dict[str, list[float]] = {}
    together: list[float] = []
    with stores(cores=bench.cores.all) as running:
        # The first one makes signing keys, months and groups.
        await _started(running, SUITE)
        for number in range(bench.count(_ROUNDS, 1)):
            bench.say(f"M1: cold starts, round {number + 1}")
            for name in ["session"] if bench.quick else SUITE:
                alone.setdefault(name, []).append(await _started(running, (name,)))
            together.append(await _started(running, SUITE))
    each = {name: statistics.median(seconds) for name, seconds in alone.items()}
    slowest = max(each, key=lambda name: each[name])
    bench.note(
        "M1: cold start alone, with the files in memory: "
        + ", ".join(f"{name} {seconds:.2f} s" for name, seconds in each.items())
        + f"; {len(together)} rounds"
    )
    return [
        _measurement("M1-start", f"cold start alone of {slowest}, slowest of {len(each)}", each[slowest], "s", ONE),
        _measurement("M1-start-all", "cold start of all six at once", statistics.median(together), "s", ALL),
    ]


async def _started(running: Stores, names: Sequence[str]) -> float:
    began = time.perf_counter()
    await running.start(*names)
    took = time.perf_counter() - began
    running.stop_all()
    return took


async def _memory(bench: Bench) -> list[Measurement]:
    bench.say("M1: starting the whole stack")
    with stores(cores=bench.cores.all, settings=SETTINGS, whole=True) as running:
        await asyncio.sleep(bench.seconds(15, 2))
        rest = _read(running)
        bench.say("M1: load")
        done = await _load(bench, running)
        await asyncio.sleep(bench.seconds(5, 1))
        loaded = _read(running)
    for when, read in (("at rest", rest), ("after load", loaded)):
        bench.note(
            f"M1: {when}, MB: "
            + ", ".join(f"{name} {memory.proportional:.0f}" for name, memory in read.items())
            + f"; {sum(memory.own for memory in read.values()):.0f} of them are shared with nobody"
        )
    bench.note(f"M1: the load was {done}")
    return [
        _measurement("M1", "memory of six processes at rest", _total(rest), "MB", REST),
        _measurement("M1-load", "memory of six processes after load", _total(loaded), "MB", LOADED),
    ]


def _read(running: Stores) -> dict[str, Memory]:
    return {name: memory_of(running.pid(name)) for name in SUITE}


def _total(read: dict[str, Memory]) -> float:
    return sum(memory.proportional for memory in read.values())


async def _load(bench: Bench, running: Stores) -> str:
    """Uses every service; says how much."""
    seconds = bench.seconds(20, 3)
    signed_in = await sign_in(running, 2048)
    people_file = running.home.root / "people.json"
    people_file.write_text(json.dumps([person.as_json() for person in signed_in]))
    async with client(
        "refresh",
        cores=frozenset(),
        people_file=str(people_file),
        session=running.around.address("session"),
        edge=running.around.address("gateway-https"),
        edge_ca_file=str(running.home.pki / "edge-ca.crt"),
        tls={name: str(path) for name, path in asdict(running.tls("gateway")).items()},
    ) as asking:
        until = time.monotonic() + seconds
        people = People(running.stack)
        try:
            refreshing = asking.ask(via="gateway", in_flight=_IN_FLIGHT, seconds=seconds)
            working = asyncio.gather(*(_work(people, until) for _ in range(_WORKERS)))
            refreshed, rounds = await asyncio.gather(refreshing, working)
        finally:
            await people.close()
    if not sum(rounds):
        raise Failed("nobody got through a round of work")
    return f"{refreshed['done']} refreshes and {sum(rounds)} rounds of work by {_WORKERS} people in {seconds:g} s"


async def _work(people: People, until: float) -> int:
    """How often two new people signed up, made and joined a workspace and read, until the time is over."""
    rounds = 0
    while time.monotonic() < until or (not rounds and time.monotonic() < until + _PATIENCE):
        # A machine that is busy answers some of it too late, which is load too.
        with contextlib.suppress(Unexpected, NoMail, httpx2.HTTPError):
            await _round(people)
            rounds += 1
    return rounds


async def _round(people: People) -> None:
    owner, guest = await people.person("owner"), await people.person("guest")
    workspace = await people.workspace(owner)
    await people.join(workspace, owner, guest)
    for path in ("members", "invitations", "audit/entries", "audit/checkpoint"):
        await owner.browser.ask("GET", f"{workspace.path}/{path}", expect=200)
    await guest.browser.ask("POST", "/api/v1/requests", {"right": "access"}, expect=201)
    await owner.browser.download(f"{workspace.path}/audit/exports", {"format": "jsonl"})


def _measurement(name: str, what: str, result: float, unit: str, goal: float) -> Measurement:
    return Measurement(
        id=name,
        what=what,
        result=result,
        unit=unit,
        limit=goal,
        against="the goal itself",
        goal=1.0,
        at_least=False,
    )
