"""What cannot be done now is done later, keeps nobody else waiting, and leaves nothing of anybody behind."""

import asyncio
import io
import json
import logging
import tracemalloc
import zipfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from uuid import UUID

import pytest

from services.datarights.domain.errors import (
    ErasureObstructed,
    ObjectsUnavailable,
    RequestRunning,
    RequestUnknown,
)
from services.datarights.domain.request import ARCHIVE_LIFE, DUE, FETCHING, HEARING, LONGEST_PAUSE, PARTICIPANTS
from tests.support.datarights import DatarightsForTests
from wardenry.archive_verification import verify_archive
from wardenry.subject_data import Category, Obstacle, Row
from wardenry.warrants import ACCESS, ERASURE


def breaks(datarights: DatarightsForTests, what: str, error: Exception) -> None:
    """From now on this fails, in a way that nobody foresaw."""

    def before(done: str) -> None:
        if done == what:
            raise error

    datarights.world.before = before


async def test_what_nobody_foresaw_is_one_requests_and_pauses_like_everything_else(
    datarights: DatarightsForTests, caplog: pytest.LogCaptureFixture
) -> None:
    anna, ben = datarights.person(), datarights.person()
    broken = await datarights.made(anna, ACCESS)
    breaks(datarights, "gather session", TypeError("ada@example.org is no number"))
    await datarights.fulfil.all()
    assert "TypeError at " in caplog.text
    assert "ada@example.org" not in caplog.text
    # The first was tried and waits; the second is another person's, and fails at nothing.
    datarights.world.before = lambda _: None
    whole = await datarights.made(ben, ACCESS)
    await datarights.fulfil.one()
    assert (await datarights.reading.get(ben.subject, whole.id)).completed_at
    breaks(datarights, "gather session", TypeError())
    for _ in range(12):
        datarights.clock.advance(LONGEST_PAUSE.total_seconds())
        await datarights.fulfil.all()
    (row,) = await datarights.as_administrator(
        "SELECT attempts, next_attempt_at FROM request WHERE request_id = $1", broken.id
    )
    assert row["attempts"] == 13 - 1
    assert row["next_attempt_at"] - datarights.clock.now() == LONGEST_PAUSE
    datarights.world.before = lambda _: None
    datarights.clock.advance(LONGEST_PAUSE.total_seconds())
    await datarights.fulfil.all()
    assert (await datarights.reading.get(anna.subject, broken.id)).completed_at


async def test_a_request_that_is_late_is_told_at_every_attempt(
    datarights: DatarightsForTests, caplog: pytest.LogCaptureFixture
) -> None:
    anna = datarights.person()
    await datarights.made(anna, ERASURE)
    datarights.participants.away.add("audit")
    await datarights.fulfil.all()
    assert not [record for record in caplog.records if hasattr(record, "alarm")]
    datarights.clock.advance(DUE.total_seconds() + 1)
    await datarights.fulfil.all()
    (told,) = [record for record in caplog.records if getattr(record, "alarm", "") == "request_overdue"]
    assert told.levelno == logging.ERROR
    assert "audit: away" in told.getMessage()
    datarights.participants.away.clear()
    datarights.clock.advance(LONGEST_PAUSE.total_seconds())
    await datarights.fulfil.all()
    assert anna.subject in datarights.world.destroyed


async def test_what_was_gathered_and_is_gone_is_gathered_anew(datarights: DatarightsForTests) -> None:
    anna = datarights.person("anna's")
    request = await datarights.made(anna, ACCESS)
    breaks(datarights, "put archive list", ObjectsUnavailable("full"))
    await datarights.fulfil.all()
    lists = [name for name in datarights.world.objects if "/parts/" in name]
    pieces = [name for name in datarights.world.objects if "/rows/" in name]
    # A list that is lost, one that is another version's, one that does not open, and a piece without its list.
    del datarights.world.objects[next(name for name in lists if name.endswith("tenancy"))]
    datarights.world.objects[next(name for name in lists if name.endswith("session"))] = b"broken"
    del datarights.world.objects[next(name for name in pieces if "audit" in name)]
    datarights.world.before = lambda _: None
    for _ in range(4):
        datarights.clock.advance(LONGEST_PAUSE.total_seconds())
        await datarights.fulfil.all()
    with zipfile.ZipFile(io.BytesIO(await datarights.fetch(anna, request.id))) as file:
        for participant in PARTICIPANTS:
            assert json.loads(file.read(f"data/{participant}/rows.json"))["rows"]
    assert {name.split("/")[2] for name in datarights.world.objects} == {"archive"}


async def test_a_log_that_has_not_heard_of_the_request_is_asked_again(datarights: DatarightsForTests) -> None:
    anna, ben = datarights.person(), datarights.person()
    late, never = await datarights.made(anna, ACCESS), await datarights.made(ben, ACCESS)
    datarights.world.unheard = {late.id, never.id}
    await datarights.fulfil.all()
    assert (await datarights.reading.get(anna.subject, late.id)).completed_at is None
    datarights.world.unheard.remove(late.id)
    datarights.clock.advance(LONGEST_PAUSE.total_seconds())
    await datarights.fulfil.all()
    assert (await datarights.reading.get(anna.subject, late.id)).completed_at
    # What never comes is not waited for for ever.
    assert (await datarights.reading.get(ben.subject, never.id)).completed_at is None
    datarights.clock.advance(HEARING.total_seconds())
    await datarights.fulfil.all()
    assert (await datarights.reading.get(ben.subject, never.id)).completed_at


async def test_an_access_request_of_who_is_erased_ends(datarights: DatarightsForTests) -> None:
    anna = datarights.person()
    request = await datarights.made(anna, ACCESS)
    datarights.world.destroyed.add(anna.subject)
    await datarights.fulfil.all()
    assert (await datarights.reading.get(anna.subject, request.id)).completed_at
    assert not datarights.world.objects
    with pytest.raises(RequestUnknown):
        await datarights.fetch(anna, request.id)


async def test_an_attempt_that_an_erasure_overtakes_leaves_nothing(datarights: DatarightsForTests) -> None:
    anna = datarights.person()
    await datarights.made(anna, ACCESS)
    held, go_on = asyncio.Event(), asyncio.Event()
    real = datarights.participants.categories

    async def slow(participant: str) -> Sequence[Category]:
        if participant == "identity" and not held.is_set():
            held.set()
            await go_on.wait()
        return await real(participant)

    datarights.participants.categories = slow  # type: ignore[method-assign] # the test holds one worker
    late = asyncio.create_task(datarights.fulfil.one())
    await held.wait()
    await datarights.made(anna, ERASURE)
    await datarights.fulfil.all()
    assert not datarights.world.objects
    # The late one knows the key for another minute.
    datarights.world.destroyed.clear()
    go_on.set()
    assert await late
    assert not datarights.world.objects


async def test_an_archive_that_could_not_be_read_to_its_end_can_be_fetched_again(
    datarights: DatarightsForTests,
) -> None:
    anna = datarights.person()
    request = await datarights.made(anna, ACCESS)
    await datarights.fulfil.all()
    last = max((name for name in datarights.world.objects if name.split("/")[-1].isdigit()), key=number_of)
    kept = datarights.world.objects.pop(last)
    with pytest.raises(ObjectsUnavailable):
        await datarights.fetch(anna, request.id)
    datarights.world.objects[last] = kept
    verify_archive(io.BytesIO(await datarights.fetch(anna, request.id)), datarights.signer.key)
    with pytest.raises(RequestUnknown):
        await datarights.fetch(anna, request.id)
    # Both times it left, as far as it went.
    assert (await datarights.actions()).count("archive.fetched") == 2


def number_of(name: str) -> int:
    return int(name.rpartition("/")[2])


async def test_who_stops_reading_has_used_the_archive_up(datarights: DatarightsForTests) -> None:
    anna = datarights.person()
    request = await datarights.made(anna, ACCESS)
    await datarights.fulfil.all()
    reading = datarights.fetching(anna, request.id)
    assert await anext(reading)
    await reading.aclose()
    with pytest.raises(RequestUnknown):
        await datarights.fetch(anna, request.id)


async def test_one_archive_that_cannot_be_removed_keeps_no_other(datarights: DatarightsForTests) -> None:
    people = [datarights.person() for _ in range(3)]
    requests = [await datarights.made(person, ACCESS) for person in people]
    await datarights.fulfil.all()
    datarights.clock.advance(ARCHIVE_LIFE.total_seconds())
    stuck = str(requests[0].id)
    real = datarights.objects.remove_below

    async def remove_below(directory: str) -> None:
        if stuck in directory:
            raise ObjectsUnavailable("no")
        await real(directory)

    datarights.objects.remove_below = remove_below  # type: ignore[method-assign] # the test's store refuses one
    with pytest.raises(ObjectsUnavailable):
        await datarights.remove_archives()
    assert {name.split("/")[1] for name in datarights.world.objects} == {stuck}
    datarights.objects.remove_below = real  # type: ignore[method-assign] # and not any more
    await datarights.remove_archives()
    assert not datarights.world.objects


@pytest.mark.parametrize("right", [ACCESS, ERASURE])
async def test_the_leave_for_a_request_ends_with_it(datarights: DatarightsForTests, right: str) -> None:
    anna = datarights.person()
    request = await datarights.made(anna, right)
    assert (anna.subject, request.id) in datarights.world.authorized
    await datarights.fulfil.all()
    assert not datarights.world.authorized
    # Asked for again it is the same request, which needs no leave.
    assert await datarights.made(anna, right, request_id=request.id)
    assert not datarights.world.authorized


async def test_the_leave_for_a_request_that_was_refused_ends_at_once(datarights: DatarightsForTests) -> None:
    anna, ben = datarights.person(), datarights.person()
    datarights.world.owned[anna.subject] = [Obstacle(workspace=datarights.ids.uuid7(), name="Anna's")]
    with pytest.raises(ErasureObstructed):
        await datarights.made(anna, ERASURE)
    assert not datarights.world.authorized
    first = await datarights.made(ben, ACCESS)
    with pytest.raises(RequestRunning):
        await datarights.made(ben, ACCESS)
    assert set(datarights.world.authorized) == {(ben.subject, first.id)}


async def test_somebody_with_much_data_takes_no_more_memory_than_anybody(
    datarights: DatarightsForTests, tmp_path: Path
) -> None:
    async with DatarightsForTests(stored=datarights.stored, piece=1 << 20) as large:
        await much_data(large, tmp_path)


async def much_data(datarights: DatarightsForTests, directory: Path) -> None:
    anna = datarights.person()
    count, size = 5_000, 4_000

    async def rows(participant: str, *, subject: UUID, warrant: str) -> AsyncIterator[Row]:
        if participant == "audit":
            yield Row("rows", {"target_id": str(request.id)})
        for number in range(count if participant == "audit" else 0):
            # Random enough not to shrink: it comes to 20 MB.
            yield Row("rows", {"value": f"{datarights.ids.uuid7().hex}{number}".ljust(size, "x")})

    datarights.participants.rows = rows  # type: ignore[method-assign] # the test's participant has more to say
    request = await datarights.made(anna, ACCESS)
    stored: list[int] = []
    real = datarights.objects.put

    async def put(name: str, content: bytes) -> None:
        # Elsewhere, as an object store is.
        stored.append(len(content))
        file = directory / name.replace("/", "_")
        await asyncio.to_thread(file.write_bytes, content)
        await real(name, b"")

    async def get(name: str) -> bytes | None:
        file = directory / name.replace("/", "_")
        return await asyncio.to_thread(file.read_bytes) if name in datarights.world.objects else None

    datarights.objects.put = put  # type: ignore[method-assign] # the same
    datarights.objects.get = get  # type: ignore[method-assign] # the same
    tracemalloc.start()
    try:
        await datarights.fulfil.all()
        size_of_archive = 0
        async for piece in datarights.fetching(anna, request.id):
            size_of_archive += len(piece)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sum(stored) > count * size
    assert size_of_archive
    assert peak < 10_000_000, f"{peak:,} bytes"


async def test_archives_that_are_being_fetched_are_not_removed(datarights: DatarightsForTests) -> None:
    anna = datarights.person()
    request = await datarights.made(anna, ACCESS)
    await datarights.fulfil.all()
    whole = b""
    async for piece in datarights.fetching(anna, request.id):
        whole += piece
        await datarights.remove_archives()
    verify_archive(io.BytesIO(whole), datarights.signer.key)
    datarights.clock.advance(FETCHING.total_seconds())
    await datarights.remove_archives()
    assert not datarights.world.objects
