"""Segments: what was appended is in the object store before anybody gets a checkpoint over it."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from services.audit.clients.segment import ObjectStoreSegments
from services.audit.commands.segment import StoreSegments
from services.audit.domain.errors import ObjectsUnavailable, SegmentsAhead
from services.audit.domain.segment import (
    BEFORE_ALL,
    Segment,
    SegmentEntry,
    SegmentPart,
    Span,
    digest_of,
    segment_name,
)
from services.audit.jobs.segment import StoreWhatIsLeft
from tests.support.audit import LOG, OTHER_LOG, AuditOnPostgres
from tests.support.events import arrived, eventually, running


def chain(audit: AuditOnPostgres) -> list[Segment]:
    """The stored segments, as whoever has nothing but the object store reads them."""
    segments = []
    previous = BEFORE_ALL
    for number, (name, data) in enumerate(sorted(audit.objects.stored.items())):
        segment = Segment.parse(data)
        assert name == f"segments/{number:020d}-{digest_of(data).hex()}"
        assert (segment.number, segment.previous) == (number, previous)
        previous = digest_of(data)
        segments.append(segment)
    return segments


def entries(audit: AuditOnPostgres, log: UUID = LOG) -> list[SegmentEntry]:
    return [entry for segment in chain(audit) for entry in segment.entries if entry.log == log]


async def released(audit: AuditOnPostgres, log: UUID = LOG) -> int:
    return (await audit.proving.checkpoint(log)).size


async def test_segments_hold_every_entry_once_in_order(audit: AuditOnPostgres) -> None:
    for size in (3, 1, 4):
        await audit.intake.take([*audit.records(size), *audit.records(2, log=OTHER_LOG)])
    assert len(chain(audit)) == 3
    for log, size in ((LOG, 8), (OTHER_LOG, 6)):
        held = entries(audit, log)
        assert [entry.index for entry in held] == list(range(size))
        assert [entry.leaf for entry in held] == await audit.leaves(log)
        assert [len(entry.sealed) for entry in held] == [2] * size
        assert {entry.tags.country for entry in held} == {"DE"}
        assert await released(audit, log) == size
    held = entries(audit)
    times = [entry.recorded_at for entry in held]
    part = SegmentPart(id=0, recorded_from=min(times), recorded_until=max(times), spans=[Span(LOG, 0, len(held))])
    async with audit.units.begin([LOG]) as work:
        assert await work.segments.entries([part]) == held
    async with audit.units.begin([OTHER_LOG]) as work:
        assert await work.segments.entries([part]) == []


async def test_without_the_object_store_entries_come_in_and_no_checkpoint_goes_out(audit: AuditOnPostgres) -> None:
    await audit.intake.take(audit.records(2))
    audit.objects.down = True
    await audit.intake.take(audit.records(3))
    await audit.intake.take(audit.records(1, log=OTHER_LOG))
    assert (await audit.size(), await audit.size(OTHER_LOG)) == (5, 1)
    assert (await released(audit), await released(audit, OTHER_LOG)) == (2, 0)
    job = StoreWhatIsLeft(segments=audit.segments, checkpoints=audit.checkpoints, clock=audit.clock)
    async with running(job.run()):
        audit.objects.down = False

        async def over() -> bool:
            return (await released(audit), await released(audit, OTHER_LOG)) == (5, 1)

        await eventually(over)
    assert len(entries(audit)) == 5
    await audit.intake.take(audit.records(1))
    assert await released(audit) == 6


async def test_what_a_killed_process_left_is_stored_by_the_next(audit: AuditOnPostgres) -> None:
    """Killed after the append's commit; and once more after the object was stored, before that was noted."""
    async with audit.units.begin([LOG]) as work:
        await audit.append.append(work, audit.records(3))
    assert await released(audit) == 0

    async def put_and_die(name: str, data: bytes) -> None:
        audit.objects.stored[name] = data
        raise asyncio.CancelledError

    put, audit.objects.put = audit.objects.put, put_and_die  # type: ignore[method-assign] # the kill
    with pytest.raises(asyncio.CancelledError):
        await audit.segments.store()
    audit.objects.put = put  # type: ignore[method-assign] # and the next process
    (orphan,) = audit.objects.stored
    assert await released(audit) == 0
    assert await audit.segments.store() == {LOG}
    # The same bytes under the same name; had more been appended in between, they had another.
    assert list(audit.objects.stored) == [orphan]
    assert await released(audit) == 3
    assert await audit.segments.store() == set()


async def test_processes_take_turns_and_the_chain_has_no_fork(audit: AuditOnPostgres) -> None:
    others = [StoreSegments(units=audit.units, objects=audit.objects, clock=audit.clock) for _ in range(3)]
    for _ in range(4):
        for log in (LOG, OTHER_LOG):
            records = audit.records(2, log=log)
            async with audit.units.begin([log]) as work:
                await audit.append.append(work, records)
        await asyncio.gather(*(each.store() for each in others))
    assert [len(entries(audit, log)) for log in (LOG, OTHER_LOG)] == [8, 8]
    assert (await released(audit), await released(audit, OTHER_LOG)) == (8, 8)


async def test_an_append_that_is_undone_leaves_nothing_to_store(audit: AuditOnPostgres) -> None:
    with suppress(ZeroDivisionError):
        async with audit.units.begin([LOG]) as work:
            await audit.append.append(work, audit.records(3))
            raise ZeroDivisionError
    assert await audit.size() == 0
    assert await audit.segments.store() == set()


async def test_nothing_is_released_over_rows_that_are_gone(audit: AuditOnPostgres) -> None:
    async with audit.units.begin([LOG]) as work:
        await audit.append.append(work, audit.records(3))
        await work.segments.enqueue([Span(OTHER_LOG, 0, 1)], recorded_at=audit.clock.now(), size=1)
    await audit.segments.store()
    assert (await released(audit), await released(audit, OTHER_LOG)) == (3, 0)
    assert not entries(audit, OTHER_LOG)


async def test_large_entries_make_several_segments(audit: AuditOnPostgres) -> None:
    """One object of all of them could take longer than there is time for one, at every try."""
    details = {f"key{number}": "Ω" * 1000 for number in range(32)}
    events = [audit.event(personal=(), tags=None, details=details) for _ in range(150)]
    records = [audit.record(event) for event in events]
    await audit.intake.take([*records[:75], *audit.records(1, log=OTHER_LOG), *records[75:]])
    sizes = [len(data) for data in audit.objects.stored.values()]
    assert sum(sizes) > 9 * 1024 * 1024
    assert max(sizes) < 9 * 1024 * 1024
    assert [entry.index for entry in entries(audit)] == list(range(150))
    assert (await released(audit), await released(audit, OTHER_LOG)) == (150, 1)


RESTORED = ("entry", "entry_personal", "hash_run", "tree_head", "checkpoint", "segment_part", "segment", "cursor")


@asynccontextmanager
async def back_up(audit: AuditOnPostgres) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Takes the database back to now, when called."""
    administrator = await asyncpg.connect(audit.service_database.administrator)
    await administrator.execute("SET session_replication_role = replica")
    for table in RESTORED:
        await administrator.execute(f"CREATE TABLE kept_{table} AS TABLE {table}")

    async def restore() -> None:
        for table in RESTORED:
            identity = "OVERRIDING SYSTEM VALUE" if table == "segment_part" else ""
            await administrator.execute(f"DELETE FROM {table}; INSERT INTO {table} {identity} TABLE kept_{table}")

    yield restore
    await administrator.close()


async def test_a_restored_database_releases_nothing_that_contradicts_what_was_released(audit: AuditOnPostgres) -> None:
    await audit.intake.take(audit.records(3))
    async with back_up(audit) as restore:
        records = audit.records(2)
        await audit.intake.take(records)
        first = await audit.proving.checkpoint(LOG)
        assert first.size == 5
        await restore()
    # Sent again, as by its source, but in another order: under the same numbers another tree.
    again = [
        arrived(replace(record, position=numbered.position))
        for record, numbered in zip(records[::-1], records, strict=True)
    ]
    audit.clock.advance(11)
    with pytest.raises(SegmentsAhead):
        await audit.intake.take(again)
    restarted = StoreSegments(units=audit.units, objects=audit.objects, clock=audit.clock)
    for _ in range(2):
        with pytest.raises(SegmentsAhead):
            await restarted.store()
    assert await released(audit) == 3
    assert len(audit.objects.stored) == 2


async def test_nothing_is_taken_into_a_restored_database(
    audit: AuditOnPostgres, caplog: pytest.LogCaptureFixture
) -> None:
    await audit.intake.take(audit.records(3))
    async with back_up(audit) as restore:
        await audit.intake.take(audit.records(2))
        await restore()
    segments = StoreSegments(units=audit.units, objects=audit.objects, clock=audit.clock)
    left = StoreWhatIsLeft(segments=segments, checkpoints=audit.checkpoints, clock=audit.clock)
    checking = asyncio.create_task(left.checked())

    async def told() -> bool:
        return any("SegmentsAhead" in record.getMessage() for record in caplog.records)

    await eventually(told)
    assert not checking.done()
    # Whoever restores puts back what the segments hold, or takes away what nobody needs.
    audit.objects.stored.pop(max(audit.objects.stored))
    await checking


async def test_a_check_goes_on_without_the_object_store(audit: AuditOnPostgres) -> None:
    audit.objects.down = True
    await StoreWhatIsLeft(segments=audit.segments, checkpoints=audit.checkpoints, clock=audit.clock).checked()


async def test_an_orphan_of_a_killed_process_is_no_later_segment(audit: AuditOnPostgres) -> None:
    async with audit.units.begin([LOG]) as work:
        await audit.append.append(work, audit.records(3))
    await audit.segments.store()
    # The row of what was stored is gone as if it had never been committed; and more was appended since.
    administrator = await asyncpg.connect(audit.service_database.administrator)
    await administrator.execute("UPDATE segment_part SET segment = NULL; DELETE FROM segment")
    await administrator.close()
    async with audit.units.begin([LOG]) as work:
        await audit.append.append(work, audit.records(1))
    audit.objects.stored[f"segments/{0:020d}-{'0' * 64}"] = b"half of one that nobody was told of"
    audit.objects.stored["segments/README"] = b""
    restarted = StoreSegments(units=audit.units, objects=audit.objects, clock=audit.clock)
    assert await restarted.store() == {LOG}
    assert await released(audit) == 4


async def test_what_is_stored_survives_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []
    fsync = os.fsync

    def noting(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noting)
    home = tmp_path / "objects"
    await ObjectStoreSegments(url=home.as_uri()).put("segments/1", b"one")
    assert synced == [home / "segments" / "1", home / "segments", home]


async def test_a_disk_that_hangs_holds_up_nobody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    goes_on = threading.Event()
    monkeypatch.setattr(os, "fsync", lambda descriptor: goes_on.wait())
    objects = ObjectStoreSegments(url=(tmp_path / "objects").as_uri(), timeout=0.05)
    try:
        # More than the threads that everybody shares.
        for number in range(40):
            with pytest.raises(ObjectsUnavailable):
                await objects.put(f"segments/{number}", b"x")
        async with asyncio.timeout(30):
            assert await asyncio.to_thread(lambda: 7) == 7
    finally:
        goes_on.set()


async def test_a_directory_lists_from_a_number_on(tmp_path: Path) -> None:
    objects = ObjectStoreSegments(url=(tmp_path / "objects").as_uri())
    assert await objects.names_from(0) == []
    names = [segment_name(number, bytes([number]) * 32) for number in (9, 3, 10, 100)]
    for name in names:
        await objects.put(name, b"x")
    assert await objects.names_from(10) == sorted(names)[2:]
    assert await objects.names_from(0) == sorted(names)


async def test_a_directory_as_object_store(tmp_path: Path) -> None:
    home = tmp_path / "objects"
    objects = ObjectStoreSegments(url=home.as_uri())
    await objects.put("segments/1", b"one")
    assert (home / "segments" / "1").read_bytes() == b"one"
    assert await objects.get("segments/1") == b"one"
    assert await objects.get("segments/2") is None
    home.rename(tmp_path / "away")
    home.touch()
    with pytest.raises(ObjectsUnavailable):
        await objects.put("segments/3", b"three")
    home.unlink()
    (tmp_path / "away").rename(home)
    await objects.put("segments/3", b"three")
    assert await objects.get("segments/3") == b"three"
