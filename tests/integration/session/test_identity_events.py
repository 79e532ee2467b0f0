"""Identity's events: what raises an epoch here when identity could not say so itself."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pytest

from libs.db.transaction import Transaction
from libs.events import intake as intake_module
from libs.events.cursors import CursorReader
from libs.events.envelope import EnvelopeBuilder
from libs.events.event import Actor, ActorKind, Event, Payload, SubjectEpochRaised
from libs.events.intake import Intake
from libs.events.record import Record
from libs.events.retry import Outcome, ParkedRetry
from libs.ids import PLATFORM, SystemEntropy
from services.session.consumers.identity import IdentityEvents, subjects_of
from services.session.domain.errors import RefreshInvalid
from tests.support.events import MAC_KEY, record, retry_log
from tests.support.session import SessionForTests
from wardenry.clock import SystemClock


@pytest.fixture
def intake(session: SessionForTests) -> Intake:
    handler = IdentityEvents(end_subject=session.end_subject, within=session.work.within)
    return Intake(database=session.runtime, handler=handler, clock=SystemClock(), context=subjects_of)


@pytest.fixture
def told(session: SessionForTests) -> Callable[..., Record]:
    envelopes = EnvelopeBuilder(source="identity", entropy=SystemEntropy())

    def make(number: int, payload: Payload | None) -> Record:
        event = Event(
            event_id=session.ids.uuid7(),
            log=PLATFORM,
            action="credential.changed",
            occurred_at=datetime.now(UTC),
            actor=Actor(kind=ActorKind.SERVICE, client="identity"),
            payload=payload,
        )
        return record(number, envelopes.build(event), log=PLATFORM)

    return make


async def test_a_raised_epoch_ends_what_is_below_it(
    session: SessionForTests, intake: Intake, told: Callable[..., Record]
) -> None:
    kept = await session.sign_in()
    ended = await session.sign_in(kept.subject)
    other = await session.sign_in()
    raised = SubjectEpochRaised(subject=kept.subject, epoch=2, keep_session=kept.session)
    await intake.take([told(0, raised), told(1, None)])
    with pytest.raises(RefreshInvalid):
        await session.refreshed(ended)
    await session.refreshed(kept)
    await session.refreshed(other)
    (leaf,) = await session.leaves("session.revoked")
    assert (leaf.actor.client, leaf.reason, leaf.target.id) == ("identity", "credential", ended.session.bytes)
    cursors = await CursorReader(name="session", database=session.runtime).list_cursors("identity")
    assert [cursor.number for cursor in cursors.values()] == [2]


async def test_what_was_said_over_grpc_before_changes_nothing(
    session: SessionForTests, intake: Intake, told: Callable[..., Record]
) -> None:
    tokens = await session.sign_in()
    await session.end_subject(tokens.subject, epoch=3, keep=None)
    await session.sign_in(tokens.subject, epoch=3)
    before = await session.actions()
    for number, epoch in enumerate((2, 3)):
        raised = SubjectEpochRaised(subject=tokens.subject, epoch=epoch, keep_session=None)
        await intake.take([told(number, raised)])
    assert await session.actions() == before
    (row,) = await session.as_owner("SELECT epoch FROM subject")
    assert row["epoch"] == 3
    assert len(await session.as_owner("SELECT FROM revocation")) == 1


async def test_many_subjects_in_one_batch_and_a_record_that_is_none(
    session: SessionForTests, intake: Intake, told: Callable[..., Record]
) -> None:
    signed_in = [await session.sign_in() for _ in range(5)]
    records = [
        told(number, SubjectEpochRaised(subject=tokens.subject, epoch=2, keep_session=None))
        for number, tokens in enumerate(signed_in)
    ]
    broken = record(5, b"\xff no envelope", log=PLATFORM)
    await intake.take([*reversed(records), broken, told(6, None)])
    for tokens in signed_in:
        with pytest.raises(RefreshInvalid):
            await session.refreshed(tokens)
    (parked,) = await session.as_owner("SELECT reason FROM parked_record")
    assert parked["reason"] == "rejected"


async def test_an_epoch_that_is_taken_in_late_undoes_nothing_that_came_after_it(
    session: SessionForTests, told: Callable[..., Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A defect set it aside; meanwhile the person changed the password again and signed in."""
    monkeypatch.setattr(intake_module, "_ATTEMPT_SECONDS", 0.0)
    mended = IdentityEvents(end_subject=session.end_subject, within=session.work.within)
    first, other = await session.sign_in(), await session.sign_in()
    late = told(0, SubjectEpochRaised(subject=first.subject, epoch=2, keep_session=None))
    alone = told(1, SubjectEpochRaised(subject=other.subject, epoch=2, keep_session=None))
    later = told(2, SubjectEpochRaised(subject=first.subject, epoch=3, keep_session=first.session))

    async def defect(tx: Transaction, records: Sequence[Record]) -> None:
        if any(each.event_id in (late.event_id, alone.event_id) for each in records):
            raise ArithmeticError
        await mended(tx, records)

    intake = Intake(database=session.runtime, handler=defect, clock=SystemClock(), context=subjects_of)
    await intake.take([late, alone, later])
    fresh = await session.sign_in(first.subject, epoch=3)
    keys = {"identity": [MAC_KEY]}
    retry = ParkedRetry(
        database=session.runtime, handler=mended, mac_keys=keys, log=retry_log("session"), context=subjects_of
    )
    assert [each.outcome async for each in retry.retry(by="operator")] == [Outcome.TAKEN] * 2
    # What the later epoch kept and began goes on; what nobody had ended yet has ended.
    await session.refreshed(first)
    await session.refreshed(fresh)
    with pytest.raises(RefreshInvalid):
        await session.refreshed(other)
    rows = await session.as_owner("SELECT epoch FROM subject ORDER BY epoch")
    assert [row["epoch"] for row in rows] == [2, 3]
    assert await session.as_owner("SELECT FROM parked_record") == []
    assert len(await session.leaves("event.retried")) == 2
