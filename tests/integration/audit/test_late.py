"""Events that failed to enter their log, and are taken in again: what came later stays what it is."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from libs.db.pool import Database
from libs.db.transaction import Transaction
from libs.events import intake as intake_module
from libs.events.intake import Intake
from libs.events.position import Position
from libs.events.record import Record
from libs.events.retry import Outcome, ParkedRetry
from libs.ids import PLATFORM
from services.audit.commands.key import PublishKeys, RenewKey
from services.audit.commands.late import AppendLate
from services.audit.commands.segment import StoreSegments
from services.audit.consumers.late import LateEvents
from services.audit.domain.key import KEY_RETIRED
from services.audit.fsck.report import HOLDS
from services.audit.fsck.store import Fsck
from services.audit.jobs.anchor import AnchorGrownLogs
from services.audit.jobs.partition import MakeMonths
from tests.integration.audit.test_intake import assert_proved, leaf_of
from tests.support.audit import LOG, ORIGIN, SIGNER, SOURCE, AuditOnPostgres
from tests.support.events import MAC_KEY, retry_log
from wardenry.log.anchor import ANCHOR_ACTION
from wardenry.log.keys import LogKeys, RetiredKey
from wardenry.log.note import NoteSigner, VerifierKey

NEW = NoteSigner(name=ORIGIN, seed=bytes(range(64, 96)))
THIRD = NoteSigner(name=ORIGIN, seed=bytes(range(96, 128)))


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails for good fails at once."""
    monkeypatch.setattr(intake_module, "_ATTEMPT_SECONDS", 0.0)


async def fail_on(audit: AuditOnPostgres, records: Sequence[Record], *bad: Record) -> None:
    """Takes the records in with a handler that has a defect for some of them."""
    ids = {each.event_id for each in bad}

    async def handler(tx: Transaction, records: Sequence[Record]) -> None:
        if any(each.event_id in ids for each in records):
            raise ArithmeticError
        await audit.handler.take(tx, records)

    await Intake(database=audit.database, handler=handler, clock=audit.clock).take(records)


async def retried(audit: AuditOnPostgres, *, begun: bool = True) -> list[tuple[Outcome, str]]:
    late = LateEvents(append=AppendLate(append=audit.append), within=audit.units.within, begun=lambda: begun)
    keys = {SOURCE: [MAC_KEY], "audit": [MAC_KEY]}
    retry = ParkedRetry(database=audit.database, handler=late.take, mac_keys=keys, log=retry_log())
    return [(each.outcome, each.detail) async for each in retry.retry(by="operator")]


async def test_it_enters_at_the_end_and_the_log_stays_dense_and_signed(audit: AuditOnPostgres) -> None:
    records = audit.records(5)
    await fail_on(audit, records, records[1], records[3])
    await audit.segments.store()
    first, *_ = await asyncio.gather(retried(audit), retried(audit), audit.intake.take(audit.records(0)))
    assert {outcome for outcome, _ in first} <= {Outcome.TAKEN, Outcome.GONE}
    await audit.segments.store()
    await audit.checkpoints.sign([LOG])
    await assert_proved(audit, [leaf_of(records[n]) for n in (0, 2, 4, 1, 3)])
    assert not await audit.parked()


async def test_what_the_log_holds_by_now_is_passed_over(audit: AuditOnPostgres) -> None:
    """The source was restored, and sent it again under another number."""
    records = audit.records(2)
    await fail_on(audit, records, records[0])
    event = audit.event(event_id=records[0].event_id, occurred_at=records[0].occurred_at)
    again = audit.record(event, envelope=records[0].envelope, position=Position(2, 0))
    await audit.intake.take([again])
    assert await audit.size() == 2
    assert await retried(audit) == [(Outcome.TAKEN, "")]
    assert await audit.size() == 2
    assert not await audit.parked()


@pytest.mark.parametrize("days", [3, -3, 40])
async def test_what_the_log_holds_by_now_is_passed_over_whatever_the_clocks_said(
    audit: AuditOnPostgres, jobs: Database, days: int
) -> None:
    months = MakeMonths(database=jobs, clock=audit.clock)
    records = audit.records(2)
    await fail_on(audit, records, records[0])
    event = audit.event(event_id=records[0].event_id, occurred_at=records[0].occurred_at)
    again = audit.record(event, envelope=records[0].envelope, position=Position(2, 0))
    for passed in (-days, days):
        audit.clock.advance(passed * 86_400)
        await months.make()
        if passed == -days:
            await audit.intake.take([again])
    assert await audit.size() == 2
    assert await retried(audit) == [(Outcome.TAKEN, "")]
    assert await audit.size() == 2


async def test_what_contradicts_the_log_by_now_stays_parked(audit: AuditOnPostgres) -> None:
    records = audit.records(2)
    await fail_on(audit, records, records[0])
    other = audit.record(audit.event(event_id=records[0].event_id), position=Position(2, 0))
    await audit.intake.take([other])
    assert await retried(audit) == [(Outcome.REFUSED, "the log holds another entry under this event's id")]
    assert [reason for reason, _ in await audit.parked()] == ["failed"]
    await assert_proved(audit, [leaf_of(records[1]), leaf_of(other)])


async def test_nothing_is_appended_before_events_are_taken_in(audit: AuditOnPostgres) -> None:
    """The database may have been restored."""
    records = audit.records(1)
    await fail_on(audit, records, records[0])
    ((outcome, detail),) = await retried(audit, begun=False)
    assert (outcome, detail) == (
        Outcome.FAILED,
        "not now: audit takes nothing in yet, and its log says what it waits for",
    )
    assert (await audit.size(), len(await audit.parked())) == (0, 1)


async def renew(audit: AuditOnPostgres, jobs: Database, key: NoteSigner, retiring: VerifierKey) -> None:
    anchoring = AnchorGrownLogs(jobs=jobs, anchoring=audit.anchoring, interval=timedelta(minutes=1), clock=audit.clock)
    await RenewKey(
        units=audit.units, key=key.key, retiring=retiring, anchor=anchoring.anchor, ids=audit.ids, clock=audit.clock
    ).settle()


async def published(audit: AuditOnPostgres) -> LogKeys:
    await audit.segments.store()
    await audit.checkpoints.sign([LOG, PLATFORM])
    return await PublishKeys(units=audit.units, key=audit.signer.signer.key).published()


async def test_a_head_is_not_anchored_after_the_end_of_the_key_that_signed_it(
    audit: AuditOnPostgres, jobs: Database
) -> None:
    await audit.intake.take(audit.records(3))
    await renew(audit, jobs, NEW, SIGNER.key)
    sent = await audit.emitted()
    anchor, end = sent
    assert (anchor.action, end.action) == (ANCHOR_ACTION, KEY_RETIRED)
    await fail_on(audit, sent, anchor)
    ((outcome, detail),) = await retried(audit)
    assert outcome is Outcome.REFUSED
    assert "would count as forged" in detail
    assert [reason for reason, _ in await audit.parked()] == ["failed"]
    assert await audit.size(PLATFORM) == 1


async def test_head_and_end_that_failed_both_enter_in_their_order(audit: AuditOnPostgres, jobs: Database) -> None:
    await audit.intake.take(audit.records(3))
    await renew(audit, jobs, NEW, SIGNER.key)
    sent = await audit.emitted()
    await fail_on(audit, sent, *sent)
    assert await retried(audit) == [(Outcome.TAKEN, "")] * 2
    assert await audit.leaves(PLATFORM) == [leaf_of(each) for each in sent]


async def test_the_end_of_a_key_may_enter_after_that_of_the_next(audit: AuditOnPostgres, jobs: Database) -> None:
    await audit.intake.take(audit.records(1))
    await renew(audit, jobs, NEW, SIGNER.key)
    _, end = first = await audit.emitted()
    await fail_on(audit, first, end)
    await renew(audit, jobs, THIRD, NEW.key)
    third = AuditOnPostgres(service_database=audit.service_database, signer=THIRD)
    third.objects = audit.objects
    third.segments = StoreSegments(units=third.units, objects=third.objects, clock=third.clock)
    third.intake = third.new_intake()
    await third.database.open()
    try:
        await third.intake.take((await audit.emitted())[2:])
        # The first key is as good as any until the log says that it is over.
        keys = await published(third)
        assert (keys.present, keys.retired) == ([THIRD.key, SIGNER.key], [RetiredKey(NEW.key, 1)])
        assert await retried(third) == [(Outcome.TAKEN, "")]
        keys = await published(third)
        assert keys == LogKeys(present=[THIRD.key], retired=[RetiredKey(NEW.key, 1), RetiredKey(SIGNER.key, 2)])
        report = await Fsck(
            runtime=third.database,
            jobs=jobs,
            objects=audit.objects,
            key=THIRD.key,
            clock=audit.clock,
        ).check()
        assert ([finding.text for finding in report.findings], report.exit_code) == ([], HOLDS)
    finally:
        await third.database.close()
