"""What services tell of themselves, as it is read: whoever answers may be anybody."""

from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from services.operator.clients.told import told_of
from services.operator.domain.ports import Unseen
from services.operator.domain.told import Told
from wardenry.status.v1.status_pb2 import Backlog, GetStatusResponse, Outbox, ParkedRecords, Parking

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
AT = Timestamp(seconds=int(NOW.timestamp()))


def read(*, outbox: Outbox | None = None, parking: Parking | None = None, at: Timestamp = AT) -> Told:
    answer = GetStatusResponse(received_at=at, answered_at=at, outbox=outbox, parking=parking)
    return told_of(answer, asked_at=NOW - timedelta(seconds=1), answered_at=NOW + timedelta(seconds=1))


def test_what_a_service_says_is_read() -> None:
    told = read(
        outbox=Outbox(unnumbered=2, backlogs=[Backlog(consumer="audit", events=3)]),
        parking=Parking(records=[ParkedRecords(reason="malformed", records=1, first_at=AT, last_at=AT)]),
    )
    assert told.clock.ahead == timedelta(0)
    assert told.outbox is not None
    assert [(each.consumer, each.events) for each in told.outbox.backlogs] == [("audit", 3)]
    assert told.parked is not None
    assert [each.reason for each in told.parked] == ["malformed"]


@pytest.mark.parametrize("stamp", [Timestamp(seconds=2**62), Timestamp(seconds=-(2**62)), Timestamp(nanos=-1)])
def test_a_time_that_is_none_is_refused(stamp: Timestamp) -> None:
    with pytest.raises(Unseen):
        read(at=stamp)
    with pytest.raises(Unseen):
        read(outbox=Outbox(oldest_unnumbered_at=stamp))


@pytest.mark.parametrize("name", ["", "audit\nall is well", "\x1b[2J", "a" * 33])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(Unseen):
        read(outbox=Outbox(backlogs=[Backlog(consumer=name)]))
    with pytest.raises(Unseen):
        read(parking=Parking(records=[ParkedRecords(reason=name)]))


def test_an_answer_beyond_measure_is_refused() -> None:
    with pytest.raises(Unseen):
        read(outbox=Outbox(backlogs=[Backlog(consumer="audit")] * 10_000))
