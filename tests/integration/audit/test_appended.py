"""What this process appended goes into segments as it was committed; what others appended is read."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TypeAlias

import asyncpg

from libs.events.record import Record
from services.audit.consumers.intake import SigningIntake
from services.audit.domain.segment import Appended, Segment, Span
from tests.support.audit import LOG, OTHER_LOG, AuditOnPostgres
from tests.support.events import eventually
from wardenry.events.v1 import envelope_pb2

Superuser: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


def leaves_of(records: Sequence[Record]) -> list[bytes]:
    return [envelope_pb2.Envelope.FromString(record.envelope).leaf for record in records]


def stored(audit: AuditOnPostgres) -> list[bytes]:
    """Leaves of the log in segments, in the chain's order."""
    segments = [Segment.parse(data) for _, data in sorted(audit.objects.stored.items())]
    return [entry.leaf for segment in segments for entry in segment.entries if entry.log == LOG]


async def appended(audit: AuditOnPostgres, records: Sequence[Record]) -> Sequence[Appended]:
    """Committed, and in no segment."""
    async with audit.units.begin({record.log for record in records}) as work:
        return await audit.append.append(work, records)


async def released(audit: AuditOnPostgres) -> int:
    return (await audit.proving.checkpoint(LOG)).size


@asynccontextmanager
async def superuser(audit: AuditOnPostgres) -> AsyncIterator[Superuser]:
    """Whom neither rights nor triggers hinder."""
    connection = await asyncpg.connect(audit.service_database.administrator)
    await connection.execute("SET session_replication_role = replica")
    yield connection
    await connection.close()


async def test_a_segment_says_what_was_committed_and_nothing_is_read_back(audit: AuditOnPostgres) -> None:
    records = audit.records(3)
    audit.segments.remember(await appended(audit, records))
    async with superuser(audit) as connection:
        await connection.execute("UPDATE entry SET leaf = 'other' WHERE index = 1")
    await audit.segments.store()
    assert stored(audit) == leaves_of(records)


async def test_what_is_remembered_and_gone_is_held_back(audit: AuditOnPostgres) -> None:
    audit.segments.remember(await appended(audit, [*audit.records(3), *audit.records(2, log=OTHER_LOG)]))
    async with superuser(audit) as connection:
        await connection.execute("DELETE FROM entry WHERE log_id = $1 AND index = 1", LOG)
    await audit.segments.store()
    assert stored(audit) == []
    assert await released(audit) == 0
    assert (await audit.proving.checkpoint(OTHER_LOG)).size == 2


async def test_another_part_of_the_same_number_is_not_taken_for_it(audit: AuditOnPostgres) -> None:
    """As after a restore, when numbers are given again."""
    records = audit.records(3)
    (real,) = await appended(audit, records)
    before = replace(real.part, spans=[Span(LOG, 0, 2)])
    forgotten = [(index, entry._replace(leaf=b"of before")) for index, entry in real.entries[:2]]
    audit.segments.remember([Appended(before, forgotten)])
    await audit.segments.store()
    assert stored(audit) == leaves_of(records)
    assert await released(audit) == 3


async def test_entries_stand_in_their_order_whoever_appended_them(audit: AuditOnPostgres) -> None:
    records = audit.records(12)
    for start in range(0, 12, 2):
        parts = await appended(audit, records[start : start + 2])
        if start in (2, 4, 8):
            audit.segments.remember(parts)
    await audit.segments.store()
    assert stored(audit) == leaves_of(records)
    assert len(audit.objects.stored) == 1


async def test_the_next_records_are_taken_in_while_a_segment_is_written(audit: AuditOnPostgres) -> None:
    goes_on = asyncio.Event()
    put = audit.objects.put

    async def slow(name: str, data: bytes) -> None:
        await goes_on.wait()
        await put(name, data)

    audit.objects.put = slow  # type: ignore[method-assign] # a store that takes its time
    intake = SigningIntake(
        database=audit.database,
        handler=audit.handler,
        segments=audit.segments,
        checkpoints=audit.checkpoints,
        clock=audit.clock,
    )
    records = audit.records(5)
    await intake.take(records[:2])
    taking = asyncio.create_task(intake.take(records[2:]))

    async def committed() -> bool:
        return await audit.size() == 5

    await eventually(committed)
    # But no more than that: what follows is not left behind by ever more.
    assert not taking.done()
    assert await released(audit) == 0
    goes_on.set()
    await taking
    await intake.released()
    assert await released(audit) == 5
    assert stored(audit) == leaves_of(records)


async def test_an_end_does_not_wait_for_a_segment(audit: AuditOnPostgres) -> None:
    begun = asyncio.Event()

    async def hangs(name: str, data: bytes) -> None:
        begun.set()
        await asyncio.Event().wait()

    put, audit.objects.put = audit.objects.put, hangs  # type: ignore[method-assign] # a store that does not answer
    intake = SigningIntake(
        database=audit.database,
        handler=audit.handler,
        segments=audit.segments,
        checkpoints=audit.checkpoints,
        clock=audit.clock,
    )
    await intake.take(audit.records(2))
    await begun.wait()
    await intake.end()
    audit.objects.put = put  # type: ignore[method-assign] # and the next process
    await audit.segments.store()
    assert await released(audit) == 2
