"""A collector that is away, slow or refuses: nobody waits for it, nothing piles up, the log gets one line."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import grpc
import pytest

from libs.telemetry.exporter import MOST_WAITING, open_exporter
from libs.telemetry.observer import Observer
from libs.telemetry.trace_context import new_trace
from tests.support.otlp import OtlpReceiver
from tests.support.ports import free_port
from wardenry.clock import SystemClock

#: More than may wait.
_MANY = MOST_WAITING * 3


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    made = OtlpReceiver()
    made.start()
    yield made
    made.stop()


@asynccontextmanager
async def exporting(endpoint: str) -> AsyncIterator[Observer]:
    async with open_exporter(service="session", endpoint=endpoint, clock=SystemClock()) as observer:
        yield observer


async def serve(observer: Observer, calls: int) -> None:
    """As many sampled calls, one after the other, as a service would answer them."""
    for _ in range(calls):
        observer.server_call("/wardenry.session.v1.TokenService/Refresh", new_trace(ratio=1.0), None).end(code="OK")
        await asyncio.sleep(0)


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


async def test_everything_arrives_by_the_end_of_the_process(
    receiver: OtlpReceiver, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A busy machine may need longer than the end of a process waits.
    monkeypatch.setattr("libs.telemetry.exporter._END_SECONDS", 60.0)
    async with exporting(receiver.endpoint) as observer:
        await serve(observer, 700)
    assert len(receiver.spans()) == 700
    (series,) = receiver.durations()
    assert (series.name, series.point.count) == ("rpc.server.call.duration", 700)
    assert lines(caplog) == []


async def test_a_slow_collector_is_waited_for_by_nobody(
    receiver: OtlpReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.hold()
    async with exporting(receiver.endpoint) as observer:
        await serve(observer, _MANY)
        await asyncio.to_thread(receiver.wait_for, lambda: receiver.asked)
        await serve(observer, _MANY)
    # Only now it answers: all of the above, and the end, went on without it.
    assert receiver.payloads == []
    assert len(lines(caplog)) == 1


async def test_what_waits_is_bounded_and_the_newest_is_kept(receiver: OtlpReceiver) -> None:
    receiver.hold()
    async with exporting(receiver.endpoint) as observer:
        await serve(observer, _MANY)
        await asyncio.to_thread(receiver.wait_for, lambda: receiver.asked)
        await serve(observer, _MANY)
        last = new_trace(ratio=1.0)
        observer.server_call("/last", last, None).end(code="OK")
        receiver.release()
        await asyncio.to_thread(receiver.wait_for, lambda: receiver.trace(last.trace_id_hex))
    # Some were under way when the others had to wait.
    assert MOST_WAITING <= len(receiver.spans()) <= 2 * MOST_WAITING


@pytest.mark.parametrize("refusal", [grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.RESOURCE_EXHAUSTED])
async def test_a_collector_that_refuses_costs_one_line(
    receiver: OtlpReceiver, caplog: pytest.LogCaptureFixture, refusal: grpc.StatusCode
) -> None:
    receiver.refusal = refusal
    async with exporting(receiver.endpoint) as observer:
        # No more than may wait: a full queue would be told first where the collector is slow to refuse.
        await serve(observer, MOST_WAITING)
        await asyncio.to_thread(receiver.wait_for, lambda: receiver.asked >= 3 and lines(caplog))
    (line,) = lines(caplog)
    assert "do not all reach the collector" in line
    assert refusal.name in line


async def test_a_collector_that_is_away_costs_one_line_and_is_found_when_it_comes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    receiver = OtlpReceiver()
    receiver.port = free_port()
    async with exporting(receiver.endpoint) as observer:
        await serve(observer, _MANY)
        await asyncio.to_thread(receiver.wait_for, lambda: lines(caplog))
        receiver.start()
        late = new_trace(ratio=1.0)
        observer.server_call("/late", late, None).end(code="OK")
        await asyncio.to_thread(receiver.wait_for, lambda: receiver.trace(late.trace_id_hex))
    receiver.stop()
    assert len(lines(caplog)) == 1
