"""What a consumer does with events of sampled traces becomes spans there: once for each event, when it is done."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest

from libs.db.transaction import Transaction
from libs.events.errors import RecordRejected, TryLater
from libs.events.intake import Handler, Intake
from libs.events.parked import Parked, Reason
from libs.events.record import Record
from libs.telemetry.trace_context import new_trace
from tests.support.events import EventPath, arrived, compare, event_path, record, write_down
from tests.support.postgres import ServiceDatabases
from tests.support.spans import KeepingObserver
from wardenry.clock import SystemClock


@pytest.fixture
async def path(service_database: ServiceDatabases) -> AsyncIterator[EventPath]:
    async with event_path(service_database, "127.0.0.1:1") as made:
        yield made


def traced(number: int, *, ratio: float = 1.0) -> Record:
    return arrived(replace(record(number, b"envelope"), traceparent=new_trace(ratio=ratio).traceparent()))


def intake(path: EventPath, observer: KeepingObserver, handler: Handler = write_down) -> Intake:
    return Intake(database=path.taking, handler=handler, repeats=compare, clock=SystemClock(), observer=observer)


async def test_each_sampled_event_is_one_span_however_often_it_comes(path: EventPath) -> None:
    observer = KeepingObserver()
    taking = intake(path, observer)
    records = [traced(0), traced(1, ratio=0.0), traced(2)]
    await taking.take(records)
    await taking.take(records)
    assert [span.values["messaging.message.id"] for span in observer.kept] == [
        str(records[0].event_id),
        str(records[2].event_id),
    ]
    assert [(span.values["messaging.destination.partition.id"], span.failed) for span in observer.kept] == [
        (str(records[0].bucket % 8), False)
    ] * 2


async def test_an_event_that_waits_for_another_is_recorded_when_it_is_taken_in(path: EventPath) -> None:
    observer = KeepingObserver()
    taking = intake(path, observer)
    await taking.take([traced(1)])
    assert observer.kept == []
    await taking.take([traced(0, ratio=0.0)])
    assert len(observer.kept) == 1


async def test_a_try_that_fails_is_not_recorded_and_a_refusal_is(path: EventPath) -> None:
    observer = KeepingObserver()
    tries = 0

    async def refuse(tx: Transaction, records: Sequence[Record]) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise TryLater
        raise RecordRejected("not ours")

    await intake(path, observer, refuse).take([traced(0)])
    (span,) = observer.kept
    assert (span.failed, span.values["error.type"]) == (True, "rejected")


async def test_a_record_that_is_none_of_the_sources_appears_in_no_trace(path: EventPath) -> None:
    observer = KeepingObserver()
    forged = traced(0)
    assert forged.raw is not None
    await intake(path, observer).set_aside([Parked(raw=forged.raw, reason=Reason.FORGED, detail="x")])
    assert observer.kept == []
