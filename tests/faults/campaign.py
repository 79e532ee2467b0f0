"""Kills processes at random under load, by a seed, and decides afterwards what held."""

import asyncio
import os
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

from tests.faults.decision import decide
from tests.faults.history import Answer, History
from tests.faults.load import site, work
from tests.faults.stores import StoreReader
from tests.support.people import People
from tests.support.stack import LocalStack
from wardenry.log.note import VerifierKey

VICTIMS = (
    *("identity", "session", "tenancy", "audit", "datarights", "gateway"),
    *("postgresql", "vault", "valkey", "kafka"),
)
#: Acts that must be acknowledged between everything being ready and the next kill, and seconds within which they must.
WORK_ACTS = 10
WORK_SECONDS = 60.0
#: Seconds of load after them and before the kill, at most.
LONGER = 0.7
#: Seconds within which what was killed must be back and everything ready.
BACK_SECONDS = 90.0
#: Seconds within which the log must have caught up, once the load has ended.
REST_SECONDS = 60.0


class NotBack(Exception):
    """What was killed did not come back by itself. The text says what is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    name: str
    #: Seconds from the kill until everything was ready again, and until enough had been acknowledged again.
    back: float
    worked: float
    #: How many acts were answered meanwhile, by answer.
    meanwhile: Counter[Answer]


@dataclass(slots=True, kw_only=True)
class Report:
    """What a campaign did and found."""

    seed: int
    kills: list[Kill] = field(default_factory=list)
    history: History = field(default_factory=History)
    findings: list[str] = field(default_factory=list)
    entries: int = 0
    logs: int = 0
    checkpoints: int = 0
    seconds: float = 0.0


async def campaign(stack: LocalStack, *, kills: int, seed: int, workers: int = 3) -> Report:
    """Kills so many processes, one after the other, each once everything is ready again, while people work."""
    began = time.monotonic()
    report = Report(seed=seed)
    chance = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    killer = random.Random(chance.random())  # noqa: S311 - as above
    people = People(stack)

    async def kill() -> None:
        # Each in turn before any comes again, so that few kills reach many processes.
        names = [name for _ in range(kills // len(VICTIMS) + 1) for name in killer.sample(VICTIMS, len(VICTIMS))]
        await _worked(report)
        for name in names[:kills]:
            await asyncio.sleep(killer.uniform(0, LONGER))
            await _kill(stack, name, report)

    try:
        async with site(
            stack, people, report.history, seconds=kills * BACK_SECONDS + 60, most_acts=2_000 * (kills + 1)
        ) as at:
            try:
                await work(at, workers=workers, chance=chance, kill=kill)
            except NotBack as error:
                report.findings.append(str(error))
        reader = StoreReader(stack)
        report.findings += await reader.rest(seconds=REST_SECONDS)
        reading = people.browser()
        keys = (await reading.ask("GET", "/.well-known/wardenry-log-keys", expect=200))["keys"]
    finally:
        await people.close()
    stores = await reader.read()
    report.findings += decide(report.history, stores, [VerifierKey.parse(key) for key in keys])
    report.entries, report.logs = len(stores.entries), len(stores.trees)
    report.checkpoints = len(stores.checkpoints)
    report.seconds = time.monotonic() - began
    return report


async def _kill(stack: LocalStack, name: str, report: Report) -> None:
    """Kills a process; waits until another is in its place, everything is ready, and people work again."""
    pid, before, killed = stack.pid_of(name), len(report.history.acts), time.monotonic()
    os.kill(pid, signal.SIGKILL)
    while not stack.status().get("ready") or stack.pid_of(name) == pid:
        if time.monotonic() - killed > BACK_SECONDS:
            raise NotBack(f"{name} was not back after {BACK_SECONDS:g} s: {stack.state.get('pieces')}")
        await asyncio.sleep(0.1)
    back = time.monotonic() - killed
    await _worked(report)
    meanwhile = Counter(act.answer for act in report.history.acts[before:])
    report.kills.append(Kill(name=name, back=back, worked=time.monotonic() - killed, meanwhile=meanwhile))


async def _worked(report: Report) -> None:
    """Waits until enough has been acknowledged from now on."""
    acts = report.history.acts
    before, deadline = len(acts), time.monotonic() + WORK_SECONDS
    while sum(act.answer is Answer.ACKNOWLEDGED for act in acts[before:]) < WORK_ACTS:
        if time.monotonic() > deadline:
            raise NotBack(f"everything was ready, and within {WORK_SECONDS:g} s too little was acknowledged")
        await asyncio.sleep(0.05)


def show(report: Report, console: Console) -> None:
    """Tables of kills and acts, and the findings."""
    title = f"Kills by seed {report.seed}, and the tries that were answered until people were at work again"
    kills = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for heading in ("#", "process", "ready after", "at work after", *(f"tries {answer}" for answer in Answer)):
        kills.add_column(heading, justify="left" if heading == "process" else "right")
    for number, each in enumerate(report.kills, start=1):
        meanwhile = (str(each.meanwhile[answer]) for answer in Answer)
        kills.add_row(str(number), each.name, f"{each.back:.1f} s", f"{each.worked:.1f} s", *meanwhile)
    console.print(kills)
    # One that was refused while something was down, and acknowledged when tried again, counts as acknowledged here.
    title = "\nActs, each with all of its tries as one"
    acts = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for heading in ("action", *(f"acts {answer}" for answer in Answer)):
        acts.add_column(heading, justify="left" if heading == "action" else "right")
    outcomes = report.history.outcomes()
    for action in sorted({action for _, action, _ in outcomes}):
        counts = Counter(answer for (_, other, _), answer in outcomes.items() if other == action)
        acts.add_row(action, *(str(counts[answer]) for answer in Answer))
    console.print(acts)
    tried = ", ".join(f"{count} {how}" for how, count in sorted(report.history.tried_after_revocation.items()))
    console.print(f"\nTried with what had been revoked: {tried or 'nothing'}")
    console.print(f"Sessions that ended because an answer was lost: {report.history.lost_in_grace};")
    console.print(f"sign-ins without an answer: {report.history.unanswered_sign_ins};")
    console.print(f"accounts that this locked: {report.history.locked_out}")
    console.print(
        f"{report.entries} entries in {report.logs} logs, {report.checkpoints} checkpoints; {report.seconds:.0f} s"
    )
    for finding in report.findings:
        console.print(f"FOUND: {finding}", markup=False, soft_wrap=True)
    if not report.findings:
        console.print("Nothing acknowledged is missing or doubled; every log is dense and consistent.")
