"""Events into logs: dense, once each, all of a batch or nothing."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import asyncpg
import pytest

from libs.db.pool import Database
from libs.db.transaction import Transaction
from libs.events.envelope import EnvelopeBuilder
from libs.events.intake import Intake
from libs.events.position import Position
from libs.events.record import Record
from libs.ids import SystemEntropy
from services.audit.domain.errors import TreeMoved
from services.audit.jobs.partition import MakeMonths
from tests.support.audit import ALICE, LOG, OTHER_LOG, AuditOnPostgres
from tests.support.events import arrived, eventually
from tests.unit.merkle import naive_tree
from wardenry.events.v1 import envelope_pb2
from wardenry.log.tree import leaf_hash


def leaf_of(record: Record) -> bytes:
    return envelope_pb2.Envelope.FromString(record.envelope).leaf


async def assert_proved(audit: AuditOnPostgres, leaves: Sequence[bytes], log: UUID = LOG) -> None:
    """The log holds exactly these leaves, and its newest checkpoint is over them."""
    assert await audit.leaves(log) == list(leaves)
    checkpoint = audit.opened((await audit.proving.checkpoint(log)).note)
    assert checkpoint.size == len(leaves)
    assert checkpoint.root == naive_tree.root([leaf_hash(leaf) for leaf in leaves])


async def told(caplog: pytest.LogCaptureFixture, text: str) -> bool:
    """Whether the service's own log says so."""
    return any(text in record.getMessage() for record in caplog.records)


async def test_batches_of_many_logs_become_dense_logs(audit: AuditOnPostgres) -> None:
    mine, others = audit.records(7), audit.records(3, log=OTHER_LOG)
    await audit.intake.take([*mine[:4], *others[:1]])
    await audit.intake.take([*others[1:], *mine[4:]])
    await assert_proved(audit, [leaf_of(record) for record in mine])
    await assert_proved(audit, [leaf_of(record) for record in others], OTHER_LOG)
    assert not await audit.parked()


async def test_checkpoints_are_there_right_after_the_append(audit: AuditOnPostgres) -> None:
    await audit.intake.take(audit.records(2))
    await audit.intake.take(audit.records(3))
    async with audit.units.begin([LOG]) as work:
        first, second = await work.checkpoints.of_size(LOG, 2), await work.checkpoints.of_size(LOG, 5)
        assert await work.checkpoints.of_size(LOG, 3) is None
    assert first is not None
    assert second is not None
    assert audit.opened(first.note).size == 2


async def test_a_repeated_record_adds_nothing(audit: AuditOnPostgres) -> None:
    records = audit.records(3)
    await audit.intake.take(records)
    await audit.intake.take(records)
    await audit.new_intake().take(records[1:])
    await assert_proved(audit, [leaf_of(record) for record in records])
    assert not await audit.parked()


async def test_the_same_number_with_other_bytes_is_parked(audit: AuditOnPostgres) -> None:
    records = audit.records(2)
    await audit.intake.take(records)
    other_leaf = audit.record(audit.event(event_id=records[0].event_id), position=records[0].position)
    other_event = audit.record(audit.event(), position=records[1].position)
    await audit.intake.take([other_leaf, other_event])
    await assert_proved(audit, [leaf_of(record) for record in records])
    assert [reason for reason, _ in await audit.parked()] == ["conflict", "conflict"]


async def test_events_sent_again_under_a_new_generation_add_nothing(audit: AuditOnPostgres) -> None:
    records = audit.records(3)
    await audit.intake.take(records)
    again = [arrived(replace(record, position=Position(2, number))) for number, record in enumerate(records)]
    new = audit.record(audit.event(), position=Position(2, 3))
    await audit.intake.take([*again, new])
    await assert_proved(audit, [leaf_of(record) for record in [*records, new]])
    assert not await audit.parked()


@pytest.mark.parametrize("number", [3, 7])
@pytest.mark.parametrize("hours", [-23, 23])
async def test_what_a_process_took_in_whose_clock_is_wrong_is_known(
    audit: AuditOnPostgres, hours: int, number: int
) -> None:
    records = audit.records(number)
    audit.clock.advance(hours * 3600)
    await audit.intake.take(records)
    audit.clock.advance(-hours * 3600)
    again = [arrived(replace(record, position=Position(2, number))) for number, record in enumerate(records)]
    await audit.intake.take(again)
    await assert_proved(audit, [leaf_of(record) for record in records])
    assert not await audit.parked()


async def test_another_event_under_a_known_id_is_parked_and_the_rest_goes_on(audit: AuditOnPostgres) -> None:
    records = audit.records(2)
    await audit.intake.take(records)
    forged = audit.record(audit.event(event_id=records[0].event_id))
    after = audit.records(1)
    await audit.intake.take([forged, *after])
    await assert_proved(audit, [leaf_of(record) for record in [*records, *after]])
    assert await audit.parked() == [
        (
            "rejected",
            f"tenancy bucket {forged.bucket} number 1.2: the log holds another entry under this event's id",
        )
    ]


async def test_old_events_among_many_new_ones_are_known(audit: AuditOnPostgres) -> None:
    """Whatever the order of their ids: also one that is younger than all others is asked for."""
    first, *others = audit.records(6)
    late = audit.records(20)
    await audit.intake.take([replace(each, position=Position(1, place)) for place, each in enumerate(late[10:])])
    again = [first, *late[10:], *others, *late[:10]]
    again = [arrived(replace(record, position=Position(2, place))) for place, record in enumerate(again)]
    await audit.intake.take(again)
    await assert_proved(audit, [leaf_of(record) for record in [*late[10:], first, *others, *late[:10]]])
    assert not await audit.parked()


async def test_two_intakes_race_and_each_event_has_one_entry(audit: AuditOnPostgres) -> None:
    records = [*audit.records(40), *audit.records(40, log=OTHER_LOG)]
    intakes = [audit.new_intake() for _ in range(4)]
    batches = [[*records[start : start + 5], *records[40 + start : 45 + start]] for start in range(0, 40, 5)]

    async def work(number: int) -> None:
        for batch in batches:
            await intakes[number].take(batch)

    await asyncio.gather(*(work(number) for number in range(4)))
    await assert_proved(audit, [leaf_of(record) for record in records[:40]])
    await assert_proved(audit, [leaf_of(record) for record in records[40:]], OTHER_LOG)
    assert not await audit.parked()


async def test_sources_that_share_a_log_race_for_its_tree(audit: AuditOnPostgres) -> None:
    """Different cursors, one tree: the lock on the tree puts them in a row."""

    def from_source(source: str, action: str, number: int) -> Record:
        builder = EnvelopeBuilder(source=source, entropy=SystemEntropy())
        event = audit.event(action=action)
        made = audit.record(event, envelope=builder.build(event), position=Position(1, number))
        return arrived(replace(made, source=source))

    sources = {"tenancy": "user.role_changed", "session": "user.login", "identity": "user.registered"}
    batches = [[from_source(source, action, number) for number in range(20)] for source, action in sources.items()]

    async def work(records: list[Record]) -> None:
        intake = audit.new_intake()
        for record in records:
            await intake.take([record])

    await asyncio.gather(*(work(records) for records in batches))
    leaves = await audit.leaves()
    assert len(leaves) == 60
    for records in batches:
        own = [leaf_of(record) for record in records]
        assert [leaf for leaf in leaves if leaf in own] == own
    await assert_proved(audit, leaves)
    assert not await audit.parked()


async def test_a_crash_before_the_commit_leaves_nothing_and_the_records_come_again(audit: AuditOnPostgres) -> None:
    records = audit.records(5)
    await audit.intake.take(records[:2])

    class Crash(BaseException):
        pass

    async def crashing(tx: Transaction, records: Sequence[Record]) -> None:
        await audit.handler.take(tx, records)
        raise Crash

    intake = Intake(database=audit.database, handler=crashing, clock=audit.clock)
    with pytest.raises(Crash):
        await intake.take(records[2:])
    await assert_proved(audit, [leaf_of(record) for record in records[:2]])
    await audit.new_intake().take(records)
    await assert_proved(audit, [leaf_of(record) for record in records])


@pytest.mark.parametrize(
    ("breaks", "mends"),
    [
        ("REVOKE INSERT ON entry FROM audit_runtime", "GRANT INSERT ON entry TO audit_runtime"),
        ("ALTER TABLE hash_run RENAME TO hidden", "ALTER TABLE hidden RENAME TO hash_run"),
        ("REVOKE INSERT ON parked_record FROM audit_runtime", "GRANT INSERT ON parked_record TO audit_runtime"),
    ],
)
async def test_what_the_database_cannot_do_is_waited_for_and_nothing_is_set_aside(
    audit: AuditOnPostgres, caplog: pytest.LogCaptureFixture, breaks: str, mends: str
) -> None:
    """A right or a table that is missing is no record's fault: set aside, they would never get to their log."""
    administrator = await asyncpg.connect(audit.service_database.administrator)
    await audit.intake.take(audit.records(1))
    refused = audit.record(audit.event(action="user.login"))
    records = audit.records(3)
    await administrator.execute(breaks)
    taking = asyncio.create_task(audit.intake.take([refused, *records]))
    await eventually(lambda: told(caplog, "the database cannot"))
    await administrator.execute(mends)
    await administrator.close()
    await taking
    assert await audit.size() == 4
    assert [reason for reason, _ in await audit.parked()] == ["rejected"]


async def test_events_wait_for_a_month_that_was_not_made(
    audit: AuditOnPostgres, jobs: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """As when the clock jumps: by a minute later the month is there."""
    await audit.intake.take(audit.records(1))
    audit.clock.advance(124 * 86_400)
    records = audit.records(3)
    taking = asyncio.create_task(audit.intake.take(records))
    await eventually(lambda: told(caplog, "the database cannot"))
    await MakeMonths(database=jobs, clock=audit.clock).make()
    await taking
    assert await audit.size() == 4
    assert not await audit.parked()


async def test_a_crash_between_commit_and_signature_is_made_up_for(audit: AuditOnPostgres) -> None:
    records = audit.records(3)
    await Intake(database=audit.database, handler=audit.handler.take, clock=audit.clock).take(records)
    async with audit.units.begin([LOG]) as work:
        assert not await work.checkpoints.newest([LOG])
    assert (await audit.proving.checkpoint(LOG)).size == 0
    await audit.segments.store()
    await assert_proved(audit, [leaf_of(record) for record in records])


async def test_a_tree_that_moved_stops_the_transaction(audit: AuditOnPostgres) -> None:
    await audit.intake.take(audit.records(1))
    async with audit.units.begin([LOG]) as work:
        stale = (await work.trees.lock([LOG]))[LOG]
    await audit.intake.take(audit.records(1))
    grown, _ = stale.append([bytes(32)])
    with pytest.raises(TreeMoved):
        async with audit.units.begin([LOG]) as work:
            await work.trees.grow({LOG: (stale, grown)})
    assert await audit.size() == 2


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"source": "session"}, "session may not write user.role_changed"),
        ({"source": "nobody"}, "nobody may not write user.role_changed"),
        ({"log": OTHER_LOG}, "the leaf is of another event, log or action"),
        ({"event_id": ALICE}, "the leaf is of another event, log or action"),
        ({"action": "user.invited"}, "the leaf is of another event, log or action"),
        ({"action": "user.login"}, "tenancy may not write user.login"),
        ({"envelope": b"\xff"}, "the envelope cannot be read"),
        ({"envelope": b""}, "a leaf of version 0"),
        ({"envelope": bytes(300_000)}, "the envelope has more than"),
    ],
)
async def test_what_a_source_may_not_say_is_parked(audit: AuditOnPostgres, change: dict[str, object], why: str) -> None:
    made = replace(audit.records(1)[0], **change)  # type: ignore[arg-type] # fields by name
    after = audit.records(1)[0]
    await audit.intake.take([arrived(made), after])
    ((reason, detail),) = await audit.parked()
    assert reason == "rejected"
    assert why in detail
    if "source" not in change:
        assert len(await audit.leaves()) + len(await audit.leaves(OTHER_LOG)) == 1


async def test_a_leaf_of_another_source_is_parked(audit: AuditOnPostgres) -> None:
    event = audit.event(action="permission.denied")
    made = replace(audit.record(event), source="identity")
    await audit.intake.take([arrived(made)])
    ((reason, detail),) = await audit.parked()
    assert reason == "rejected"
    assert "the leaf says that 'tenancy' sent it" in detail
    assert await audit.size() == 0


async def test_sealed_values_that_the_leaf_does_not_commit_to_are_parked(audit: AuditOnPostgres) -> None:
    envelope = envelope_pb2.Envelope.FromString(audit.builder.build(audit.event()))
    event = audit.event()
    good = envelope_pb2.Envelope.FromString(audit.builder.build(event))
    missing = envelope_pb2.Envelope(leaf=good.leaf, sealed=good.sealed[:1])
    doubled = envelope_pb2.Envelope(leaf=good.leaf, sealed=[good.sealed[0], good.sealed[0]])
    nameless = envelope_pb2.Envelope(leaf=good.leaf, sealed=envelope.sealed)
    nameless.sealed[0].person = "somebody"
    keyless = envelope_pb2.Envelope(leaf=good.leaf, sealed=good.sealed)
    keyless.sealed[0].key.version = 0
    bad = [missing, doubled, nameless, keyless]
    await audit.intake.take([audit.record(event, envelope=each.SerializeToString()) for each in bad])
    assert [reason for reason, _ in await audit.parked()] == ["rejected"] * 4
    assert await audit.size() == 0
