"""Taking in again what failed, on the consumer's real database."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import asyncpg
import pytest

from libs.db.context import Context
from libs.db.schemas import ROOT
from libs.db.transaction import Transaction
from libs.events import intake as intake_module
from libs.events.envelope import EnvelopeBuilder
from libs.events.errors import RecordRejected, TryLater
from libs.events.intake import Handler
from libs.events.parked import Parked, Parking, Reason
from libs.events.parked_records import ParkedReader
from libs.events.record import Record
from libs.events.retry import Outcome, ParkedRetry
from libs.ids import SystemEntropy, Uuid7Ids
from libs.service.retry_log import EmittedRetries
from tests.support.events import (
    LOG,
    MAC_KEY,
    OTHER_LOG,
    SOURCE,
    EventPath,
    event_path,
    record,
    retry_log,
    write_down,
)
from tests.support.postgres import ServiceDatabases
from wardenry.clock import SystemClock

RUN_BOOK = ROOT / "docs/operations/events-that-failed.md"


@pytest.fixture
async def path(service_database: ServiceDatabases, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[EventPath]:
    # What fails for good fails at once.
    monkeypatch.setattr(intake_module, "_ATTEMPT_SECONDS", 0.0)
    async with event_path(service_database, "127.0.0.1:1") as made:
        yield made


def retry_of(path: EventPath, handler: Handler = write_down, *, key: bytes = MAC_KEY) -> ParkedRetry:
    return ParkedRetry(database=path.taking, handler=handler, mac_keys={SOURCE: [key]}, log=retry_log())


async def retried(path: EventPath, handler: Handler = write_down) -> list[tuple[Outcome, str]]:
    return [(each.outcome, each.detail) async for each in retry_of(path, handler).retry(by="operator")]


def failing_on(*envelopes: bytes) -> Handler:
    """A handler with a defect."""

    async def handler(tx: Transaction, records: Sequence[Record]) -> None:
        await write_down(tx, records)
        if any(each.envelope in envelopes for each in records):
            raise ArithmeticError("secret text")

    return handler


async def test_what_failed_is_taken_in_by_the_mended_handler_in_the_order_of_its_numbers(path: EventPath) -> None:
    defect = failing_on(b"2", b"10", b"other", b"3")
    records = [record(n, b"%d" % n) for n in range(12)]
    await path.intake(defect).take(records)
    await path.intake(defect).take([record(0, b"other", log=OTHER_LOG)])
    assert len(await path.parked()) == 4
    taken = [each async for each in retry_of(path).retry(by="operator")]
    assert [each.outcome for each in taken] == [Outcome.TAKEN] * 4
    assert [each.event.envelope for each in taken if each.event and each.event.log == LOG] == [b"2", b"3", b"10"]
    assert await path.parked() == []
    assert (await path.taken())[-3:] == [b"2", b"3", b"10"]
    assert await path.taken(OTHER_LOG) == [b"other"]
    # The stream goes on where it was, and nothing is left to do.
    await path.intake().take([record(12, b"12")])
    assert (await path.taken())[-1] == b"12"
    assert await retried(path) == []


async def test_what_fails_again_stays_parked_and_keeps_no_other_from_its_turn(
    path: EventPath, caplog: pytest.LogCaptureFixture
) -> None:
    await path.intake(failing_on(b"1", b"2")).take([record(n, b"%d" % n) for n in range(4)])
    assert await retried(path, failing_on(b"1")) == [(Outcome.FAILED, "ArithmeticError"), (Outcome.TAKEN, "")]
    assert await path.taken() == [b"0", b"3", b"2"]
    assert await path.parked() == [("failed", b"1")]
    assert await retried(path) == [(Outcome.TAKEN, "")]


async def test_what_the_handler_does_not_take_late_stays_with_the_reason(path: EventPath) -> None:
    await path.intake(failing_on(b"0")).take([record(0, b"0"), record(1, b"1")])

    async def refusing(tx: Transaction, records: Sequence[Record]) -> None:
        await write_down(tx, records)
        raise RecordRejected("a later one has undone it")

    async def waiting(tx: Transaction, records: Sequence[Record]) -> None:
        raise TryLater("the vault does not answer")

    assert await retried(path, refusing) == [(Outcome.REFUSED, "a later one has undone it")]
    assert await retried(path, waiting) == [(Outcome.FAILED, "not now: the vault does not answer")]
    assert await path.parked() == [("failed", b"0")]
    assert await path.taken() == [b"1"]


async def test_two_operators_at_once_and_the_stream_itself_take_each_record_once(path: EventPath) -> None:
    bad = [b"%d" % n for n in range(0, 40, 2)]
    records = [record(n, b"%d" % n) for n in range(80)]
    await path.intake(failing_on(*bad)).take(records[:40])

    async def stream() -> None:
        intake = path.intake()
        # The same records come again, and new ones.
        for n in range(0, 80, 8):
            await intake.take(records[n : n + 8])

    *operators, _ = await asyncio.gather(*(retried(path) for _ in range(4)), stream())
    outcomes = [outcome for each in operators if each for outcome, _ in each]
    assert sorted(outcome.value for outcome in outcomes if outcome is Outcome.TAKEN) == ["taken"] * 20
    assert {*outcomes} <= {Outcome.TAKEN, Outcome.GONE}
    taken = await path.taken()
    assert sorted(taken) == sorted(b"%d" % n for n in range(80))
    assert [each for each in taken if each in bad] == bad
    assert await path.parked() == []


async def test_the_platforms_log_says_who_had_what_taken_in(path: EventPath) -> None:
    await path.intake(failing_on(b"0", b"2")).take([record(n, b"%d" % n) for n in range(3)])
    assert await retried(path, failing_on(b"0")) == [(Outcome.FAILED, "ArithmeticError"), (Outcome.TAKEN, "")]
    asked, taken = await path.told()
    assert (asked.action, asked.actor_kind, asked.client) == ("retry.requested", "service", "operator")
    assert asked.details == {"consumer": "audit", "records": "2", "identity": "2"}
    assert (taken.action, taken.client, taken.target_kind) == ("event.retried", "operator", "event")
    assert taken.target_id == str(record(2, b"2").event_id)
    assert taken.details == {"consumer": "audit", "source": "identity"}
    # Where there is nothing to take in nothing was done, so nothing is told.
    assert await retried(path) == [(Outcome.TAKEN, "")]
    assert await retried(path) == []
    assert [each.action for each in (await path.told())[2:]] == ["retry.requested", "event.retried"]


async def test_what_cannot_be_told_is_not_taken_in(path: EventPath) -> None:
    class Mute(EmittedRetries):
        async def taken(self, tx: Transaction, *, by: str, record: Record) -> None:
            raise ArithmeticError

    await path.intake(failing_on(b"0")).take([record(0, b"0")])
    clock, entropy = SystemClock(), SystemEntropy()
    mute = Mute(
        consumer="audit",
        envelopes=EnvelopeBuilder(source="audit", entropy=entropy),
        ids=Uuid7Ids(clock=clock, entropy=entropy),
        clock=clock,
    )
    retry = ParkedRetry(database=path.taking, handler=write_down, mac_keys={SOURCE: [MAC_KEY]}, log=mute)
    assert [each.outcome async for each in retry.retry(by="operator")] == [Outcome.FAILED]
    assert await path.taken() == []
    assert await path.parked() == [("failed", b"0")]


async def test_what_was_rejected_is_judged_again_once_the_owner_says_so(path: EventPath) -> None:
    """As after an upgrade that teaches the consumer an action. The statement is that of the run-book."""
    statement = next(line for line in RUN_BOOK.read_text().splitlines() if line.startswith("UPDATE parked_record"))

    async def refusing(tx: Transaction, records: Sequence[Record]) -> None:
        raise RecordRejected("session may not write this")

    await path.intake(refusing).take([record(0, b"0")])
    assert await retried(path) == []
    owner = await asyncpg.connect(path.consumer.administrator)
    digest = await owner.fetchval("SELECT encode(digest, 'hex') FROM parked_record")
    assert await owner.execute(statement.replace("…", digest)) == "UPDATE 1"
    await owner.close()
    assert await retried(path, refusing) == [(Outcome.REFUSED, "session may not write this")]
    assert await retried(path) == [(Outcome.TAKEN, "")]
    assert await path.taken() == [b"0"]


async def test_effects_and_removal_stand_or_fall_together(path: EventPath) -> None:
    """As when the process is killed between the handler and the commit."""
    await path.intake(failing_on(b"0")).take([record(0, b"0")])
    reached = asyncio.Event()

    async def hanging(tx: Transaction, records: Sequence[Record]) -> None:
        await write_down(tx, records)
        reached.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(retried(path, hanging))
    await reached.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await path.taken() == []
    assert await path.parked() == [("failed", b"0")]
    assert [each.action for each in await path.told()] == ["retry.requested"]
    assert await retried(path) == [(Outcome.TAKEN, "")]
    assert await path.taken() == [b"0"]


async def test_what_was_parked_and_comes_again_is_no_conflict(path: EventPath) -> None:
    failed = record(0, b"0")
    await path.intake(failing_on(b"0")).take([failed])
    await path.intake().take([failed])
    assert await path.parked() == [("failed", b"0")]
    assert await path.taken() == []
    # Other bytes under its number still are one.
    await path.intake().take([record(0, b"other")])
    assert sorted(await path.parked()) == [("conflict", b"other"), ("failed", b"0")]


async def test_one_that_its_cursor_has_not_passed_waits_for_its_turn(path: EventPath) -> None:
    """It would be taken in twice: the stream brings it again."""
    held = record(1, b"1")
    assert held.raw is not None
    async with path.taking.transaction(Context()) as tx:
        await Parking(clock=SystemClock()).park(
            tx, [Parked(raw=held.raw, reason=Reason.FAILED, detail="early", mac=bytes(32))]
        )
    ((outcome, detail),) = await retried(path)
    assert (outcome, detail) == (Outcome.REFUSED, "its turn has not come: the consumer still waits for it")
    await path.intake().take([record(0, b"0"), held])
    assert await path.taken() == [b"0", b"1"]


@pytest.mark.parametrize("change", ["value = 'another'", "topic = 'wardenry.session.v1'", "header_names[1] = '\\x00'"])
async def test_a_row_that_was_changed_is_believed_no_more(path: EventPath, change: str) -> None:
    await path.intake(failing_on(b"0")).take([record(0, b"0")])
    owner = await asyncpg.connect(path.consumer.administrator)
    await owner.execute(f"UPDATE parked_record SET {change}")
    await owner.close()
    (parked,) = await ParkedReader(database=path.taking, mac_keys={SOURCE: [MAC_KEY]}).page(
        reason=None, after=None, limit=10
    )
    assert parked.event is None
    ((outcome, _),) = await retried(path)
    assert outcome is Outcome.REFUSED
    assert await path.taken() == []
    assert len(await path.parked()) == 1


async def test_a_runtime_role_removes_what_failed_and_nothing_else(path: EventPath) -> None:
    made = record(0, b"0").raw
    assert made is not None
    async with path.taking.transaction(Context()) as tx:
        await Parking(clock=SystemClock()).park(
            tx, [Parked(raw=made, reason=reason, detail=reason.value) for reason in Reason]
        )
    assert len(await path.parked()) == len(Reason)
    async with path.taking.transaction(Context()) as tx:
        await tx.execute("DELETE FROM parked_record")
    assert {reason for reason, _ in await path.parked()} == {each.value for each in Reason} - {"failed"}
