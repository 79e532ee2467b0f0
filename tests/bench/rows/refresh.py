"""R1: what a refresh costs, at session itself and through the gateway."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import asyncpg

from tests.bench.client import Client, client
from tests.bench.cpu import CpuMeter, spent
from tests.bench.grants import sign_in
from tests.bench.measurement import Bench, Measurement, middle
from tests.bench.stores import Stores, stores

#: Milliseconds of CPU, the database included.
GOAL, GATEWAY_GOAL = 0.67, 1.2
#: All requests come from one address, and are more than one address may send. Valkey counts them all the same.
SETTINGS = {"WARDENRY_GATEWAY_STANDARD_RATE": "100000000"}
_ROUNDS = 5
#: PostgreSQL's processes tell what they did when a transaction ends, at most once a second.
_STATISTICS_SECONDS = 1.2
_FLUSHES = "SELECT sum(fsyncs) FROM pg_stat_io WHERE object = 'wal'"
_UPDATES = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'session_grant'"


@dataclass(frozen=True, slots=True)
class Case:
    """One way to refresh, and how many are under way at a time."""

    id: str
    via: str
    in_flight: int

    @property
    def goal(self) -> float:
        return GATEWAY_GOAL if self.via == "gateway" else GOAL

    @property
    def what(self) -> str:
        where = "refresh through the gateway" if self.via == "gateway" else "refresh"
        return f"{where}, {self.in_flight} in flight"


CASES = (
    Case("R1", "session", 128),
    Case("R1-8", "session", 8),
    Case("R1-gateway", "gateway", 128),
    Case("R1-gateway-8", "gateway", 8),
)


async def measure(bench: Bench) -> Sequence[Measurement]:
    """CPU of every process that serves a refresh, in closed loops. Raises Failed."""
    bench.say("R1: starting stores and services")
    with stores(cores=bench.cores.serving, settings=SETTINGS) as running:
        await running.start("identity", "session", "tenancy", relay=False)
        await running.start("gateway")
        bench.state["PostgreSQL"] = await running.durability()
        people = await sign_in(running, bench.count(8192, 4096))
        people_file = running.home.root / "people.json"
        people_file.write_text(json.dumps([person.as_json() for person in people]))
        tls = running.tls("gateway")
        async with client(
            "refresh",
            cores=bench.cores.asking,
            people_file=str(people_file),
            session=running.around.address("session"),
            edge=running.around.address("gateway-https"),
            edge_ca_file=str(running.home.pki / "edge-ca.crt"),
            tls={name: str(path) for name, path in asdict(tls).items()},
        ) as asking:
            return await _measured(bench, running, asking)


async def _measured(bench: Bench, running: Stores, asking: Client) -> Sequence[Measurement]:
    for case in CASES:
        await asking.ask(via=case.via, in_flight=case.in_flight, seconds=bench.seconds(2, 0.3))
    names = ("session", "postgresql", "gateway", "valkey")
    meter = CpuMeter({name: running.pid(name) for name in names})
    bench.note(await _at_rest(meter, bench.seconds(3, 0.5)))
    rounds: dict[str, list[dict[str, float]]] = {case.id: [] for case in CASES}
    for number in range(_ROUNDS):
        bench.say(f"R1: round {number + 1} of {_ROUNDS}")
        for case in CASES:
            before = meter.read()
            done = await asking.ask(via=case.via, in_flight=case.in_flight, seconds=bench.seconds(3, 0.25))
            each = spent(before, meter.read(), operations=done["done"])
            if case.via == "session":
                del each["gateway"], each["valkey"]
            figures = {"rate": done["done"] / done["seconds"], "p50": done["p50_ms"], "p99": done["p99_ms"]}
            rounds[case.id].append(each | {"total": sum(each.values())} | figures)
    measurements = []
    for case in CASES:
        figures = middle(rounds[case.id])
        rate, p50, p99, total = (figures.pop(name) for name in ("rate", "p50", "p99", "total"))
        totals = sorted(each["total"] for each in rounds[case.id])
        shares = ", ".join(f"{name} {value:.3f}" for name, value in figures.items())
        bench.note(
            f"{case.id}: {total:.3f} ms of CPU ({totals[0]:.3f} to {totals[-1]:.3f}): {shares};"
            f" {rate:.0f}/s, p50 {p50:.1f} ms, p99 {p99:.1f} ms"
        )
        measurements.append(
            Measurement(
                id=case.id,
                what=case.what,
                result=total,
                unit="ms CPU",
                limit=case.goal,
                against="the goal itself",
                goal=1.0,
                at_least=False,
                cpu_ms_per_op=figures,
            )
        )
    bench.note(await _writes(bench, running, asking))
    return measurements


async def _at_rest(meter: CpuMeter, seconds: float) -> str:
    """What the processes use without a refresh: the fewer there are, the more of it falls on each."""
    before = meter.read()
    await asyncio.sleep(seconds)
    used = spent(before, meter.read(), operations=1)
    told = ", ".join(f"{name} {milliseconds / seconds:.1f}" for name, milliseconds in used.items())
    return f"R1: at rest, milliseconds of CPU a second: {told}; part of every figure, for it is not subtracted"


async def _writes(bench: Bench, running: Stores, asking: Client) -> str:
    """What PostgreSQL does on disk, at 128 in flight."""
    connection = await asyncpg.connect(running.administrator("session"))
    try:
        before = await _statistics(connection, asking)
        done = await asking.ask(via="session", in_flight=128, seconds=bench.seconds(5, 1))
        after = await _statistics(connection, asking)
    finally:
        await connection.close()
    flushes, updates, hot = (now - earlier for now, earlier in zip(after, before, strict=True))
    return (
        f"R1 at 128 in flight: {flushes / done['done']:.3f} disk flushes a refresh (pg_stat_io, WAL),"
        f" {100 * hot / max(updates, 1):.2f} % of {updates} updates of grants HOT"
    )


async def _statistics(connection: "asyncpg.Connection[asyncpg.Record]", asking: Client) -> tuple[int, int, int]:
    """Flushes of the WAL, updates of grants, those of them that stayed in their page: all that happened before."""
    await asyncio.sleep(_STATISTICS_SECONDS)
    await asking.ask(via="session", in_flight=1, seconds=0.001)
    row = await connection.fetchrow(_UPDATES)
    assert row is not None
    return int(await connection.fetchval(_FLUSHES)), row["n_tup_upd"], row["n_tup_hot_upd"]
