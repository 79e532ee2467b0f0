"""V1: what session's introspection costs beside an empty gRPC handler, and that it is right while a session ends."""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict

from deploy.local.ports import is_free
from deploy.local.process import Process
from libs.db.schemas import ROOT
from libs.rpc.tls import ENVIRONMENT
from tests.bench.client import Client, client
from tests.bench.cpu import CpuMeter, spent
from tests.bench.grants import sign_in
from tests.bench.machine import on
from tests.bench.measurement import Bench, Failed, Measurement, middle
from tests.bench.stores import PATIENCE, Stores, stores
from tests.support.ports import free_port

GOAL = 0.8
_IN_FLIGHT = 64
_ROUNDS = 5


async def measure(bench: Bench) -> Sequence[Measurement]:
    """Calls a second that one core carries, by the CPU time of who serves. Raises Failed."""
    bench.say("V1: starting stores and services")
    with stores(cores=bench.cores.serving) as running:
        await running.start("identity", "session", "tenancy", relay=False)
        people = await sign_in(running, 2048)
        tokens_file = running.home.root / "tokens.json"
        tokens_file.write_text(json.dumps([person.access for person in people]))
        port = free_port()
        address = f"127.0.0.1:{port}"
        empty = _empty(running, address)
        with on(bench.cores.serving):
            empty.start()
        try:
            await asyncio.to_thread(_wait_for, port)
            async with client(
                "introspection",
                cores=bench.cores.asking,
                tokens_file=str(tokens_file),
                session=running.around.address("session"),
                empty=address,
                tls={own: {k: str(v) for k, v in asdict(running.tls(own)).items()} for own in ("records", "gateway")},
            ) as asking:
                return [*await _measured(bench, running, empty, asking), await _while_ended(bench, asking)]
        finally:
            empty.stop()


async def _measured(bench: Bench, running: Stores, empty: Process, asking: Client) -> Sequence[Measurement]:
    assert empty.pid is not None
    serving = {
        "empty": CpuMeter({"empty": empty.pid}),
        "session": CpuMeter({name: running.pid(name) for name in ("session", "postgresql")}),
    }
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in serving}
    for name in serving:
        await asking.ask(of=name, in_flight=_IN_FLIGHT, seconds=bench.seconds(1, 0.3))
    for number in range(_ROUNDS):
        bench.say(f"V1: round {number + 1} of {_ROUNDS}")
        for name, meter in serving.items():
            before = meter.read()
            done = await asking.ask(of=name, in_flight=_IN_FLIGHT, seconds=bench.seconds(3, 0.5))
            each = spent(before, meter.read(), operations=done["done"])
            rounds[name].append(
                each | {"total": sum(each.values()), "rate": done["done"] / done["seconds"], "p99": done["p99_ms"]}
            )
    ours, least = middle(rounds["session"]), middle(rounds["empty"])
    for name, figures in (("session", ours), ("an empty handler", least)):
        bench.note(
            f"V1: {name}: {figures['total']:.3f} ms of CPU a call, as measured {figures['rate']:.0f}/s,"
            f" p99 {figures['p99']:.1f} ms"
        )
    bench.note(
        f"V1: {_IN_FLIGHT} in flight over one channel each, 1,024 living tokens in turn; session keeps what it has read"
        " of a token, and asks the database about each call"
    )
    return [
        Measurement(
            id="V1",
            what="introspection, the database included",
            result=1000 / ours["total"],
            unit="/s a core",
            limit=1000 / least["total"],
            against="empty grpc.aio handler, same TLS and loop",
            goal=GOAL,
            at_least=True,
            cpu_ms_per_op={name: ours[name] for name in ("session", "postgresql")},
        )
    ]


async def _while_ended(bench: Bench, asking: Client) -> Measurement:
    """Raises Failed when nothing would have been noticed."""
    sessions = bench.count(30, 4)
    bench.say(f"V1: ending {sessions} sessions in use")
    counted = await asking.ask(ended=sessions, seconds=sessions)
    before, refused = counted.get("active before", 0), counted.get("refused after", 0)
    if not before or not refused:
        raise Failed(f"tokens of sessions that end were not asked about enough: {counted}")
    wrong = counted.get("active after", 0)
    bench.note(
        f"V1: {sessions} sessions ended under 16 loops each: {before} answers were active before, {refused} refused"
        f" after the acknowledgement, {wrong} active"
    )
    return Measurement(
        id="V1-ended",
        what=f"active after the end was acknowledged, {wrong + refused} asked",
        result=wrong,
        unit="answers",
        limit=0,
        against="none may be",
        goal=0,
        at_least=False,
    )


def _wait_for(port: int) -> None:
    """Until somebody listens there. Raises Failed."""
    deadline = time.monotonic() + PATIENCE
    while is_free(port):
        if time.monotonic() > deadline:
            raise Failed("the empty server does not listen")
        time.sleep(0.02)


def _empty(running: Stores, address: str) -> Process:
    """The empty server, under session's certificate."""
    tls = running.tls("session")
    return Process(
        name="empty",
        program=[
            sys.executable,
            "-m",
            "tests.bench.empty",
            address,
            *map(str, (tls.ca_file, tls.certificate_file, tls.key_file)),
        ],
        log=running.home.logs / "empty.log",
        environment={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", **ENVIRONMENT},
        directory=ROOT,
    )
