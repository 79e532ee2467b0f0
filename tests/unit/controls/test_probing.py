"""Every probe has a result, whatever becomes of it."""

import asyncio

import pytest

from libs.controls.catalogue.catalogue import CONTROLS
from libs.controls.catalogue.extent import MISSING, NOT_BUILT
from libs.controls.deployment import Deployment, Unreachable
from libs.controls.examined import Examined
from libs.controls.probes.probe import Probe
from libs.controls.probes.registry import PROBES
from libs.controls.probing import Probing
from libs.controls.result import Result, Verdict
from libs.controls.standing import Standing, standing_of
from tests.support.clock import HeldClock
from wardenry.clock import Clock

CLOCK = HeldClock()


async def kept(deployment: Deployment, *, clock: Clock) -> Examined:
    return Examined(facts=("all is well",))


async def unreachable(deployment: Deployment, *, clock: Clock) -> Examined:
    raise Unreachable("audit at 127.0.0.1:7004 was not examined: nobody answers")


async def defective(deployment: Deployment, *, clock: Clock) -> Examined:
    raise ZeroDivisionError("with the text of something secret")


async def endless(deployment: Deployment, *, clock: Clock) -> Examined:
    await asyncio.Event().wait()
    raise AssertionError


def probing(*, deadline: float = 5.0) -> Probing:
    nothing: Deployment = None  # type: ignore[assignment] # these probes ask nobody
    return Probing(deployment=nothing, prober="operator", clock=CLOCK, deadline=deadline)


@pytest.mark.parametrize(
    ("probe", "verdict", "unknown"),
    [
        (kept, Verdict.KEPT, ()),
        (unreachable, Verdict.UNKNOWN, ("audit at 127.0.0.1:7004 was not examined: nobody answers",)),
        (defective, Verdict.UNKNOWN, ("the probe itself failed: ZeroDivisionError",)),
    ],
)
async def test_what_could_not_be_probed_is_unknown(probe: Probe, verdict: Verdict, unknown: tuple[str, ...]) -> None:
    (result,) = await probing().run({"T2": probe})
    assert (result.control, result.verdict, result.unknown) == ("T2", verdict, unknown)
    assert (result.started_at, result.finished_at, result.prober) == (CLOCK.now(), CLOCK.now(), "operator")


async def test_a_probe_that_takes_too_long_is_unknown_and_keeps_nobody_waiting() -> None:
    told: list[str] = []

    def on_result(result: Result) -> None:
        told.append(result.control)

    results = await probing(deadline=0.05).run({"E1": endless, "T2": kept}, on_result=on_result)
    assert [(result.control, result.verdict) for result in results] == [("E1", Verdict.UNKNOWN), ("T2", Verdict.KEPT)]
    assert results[0].unknown == ("there was no verdict within 0.05 seconds",)
    assert told == ["T2", "E1"]


def test_every_probe_is_of_a_control() -> None:
    assert set(PROBES) <= set(CONTROLS)
    assert len(PROBES) >= 4


def test_a_control_is_probed_or_built_or_not_or_kept_by_people() -> None:
    assert standing_of(CONTROLS["T2"], PROBES) is Standing.PROBED
    assert standing_of(CONTROLS["T2"], {}) is Standing.BUILT
    assert standing_of(CONTROLS["R1"], {}) is Standing.PARTLY
    assert standing_of(CONTROLS["A3"], {}) is Standing.NOT_BUILT
    assert standing_of(CONTROLS["D10"], {}) is Standing.NO_PROCESS
    assert standing_of(CONTROLS["D10"], {"D10"}) is Standing.PROBED


def test_what_is_missing_is_said_of_controls_that_there_are_and_of_none_that_is_probed() -> None:
    assert set(MISSING) | NOT_BUILT <= set(CONTROLS)
    assert not set(MISSING) & NOT_BUILT
    # A probe looks at the whole promise, so that one is built.
    assert not (set(MISSING) | NOT_BUILT) & set(PROBES)
