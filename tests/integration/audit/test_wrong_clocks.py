"""Clocks that are days wrong, and then right again: an event that comes once more still has one entry."""

from datetime import timedelta

import pytest

from libs.db.pool import Database
from libs.events.position import Position
from services.audit.jobs.partition import MakeMonths
from tests.integration.audit.test_intake import leaf_of
from tests.support.audit import AuditOnPostgres

DAYS = 86_400


@pytest.fixture
def months(audit: AuditOnPostgres, jobs: Database) -> MakeMonths:
    return MakeMonths(database=jobs, clock=audit.clock)


@pytest.mark.parametrize(
    ("source_ahead", "audit_ahead"), [(0, 3), (0, 40), (0, -3), (0, -40), (3, 0), (40, 0), (-3, 0)]
)
async def test_what_a_restored_source_sends_again_has_one_entry_whatever_the_clocks_said(
    audit: AuditOnPostgres, months: MakeMonths, source_ahead: int, audit_ahead: int
) -> None:
    event = audit.event(occurred_at=audit.clock.now() + timedelta(days=source_ahead))
    record = audit.record(event)
    audit.clock.advance(audit_ahead * DAYS)
    await months.make()
    await audit.intake.take([record])
    # The clocks are right again, and time goes by, also past the time that the event claims.
    for passed in (-audit_ahead, 1, max(source_ahead, 0) + 1):
        audit.clock.advance(passed * DAYS)
        await months.make()
        # The broker brings it again.
        await audit.new_intake().take([record])
        assert not await audit.parked()
    again = audit.record(event, envelope=record.envelope, position=Position(2, 0))
    await audit.intake.take([again, audit.record(audit.event(), position=Position(2, 1))])
    assert await audit.size() == 2
    assert (await audit.leaves())[0] == leaf_of(record)
    assert not await audit.parked()
