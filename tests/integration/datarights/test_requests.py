"""Requests from the first call to the last step, killed between any two of them."""

import asyncio
import io
import json
import zipfile
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest

from libs.db.context import Context
from services.datarights.domain.errors import (
    ErasureObstructed,
    IdInvalid,
    RequestExists,
    RequestRunning,
    RequestUnknown,
)
from services.datarights.domain.request import ARCHIVE_LIFE, FETCHING, LEASE, LONGEST_PAUSE, PARTICIPANTS, pause_after
from tests.support.datarights import DatarightsForTests
from wardenry.archive_verification import verify_archive
from wardenry.subject_data import Obstacle
from wardenry.warrants import ACCESS, ERASURE


class Killed(BaseException):
    """The process ends here: nobody catches this."""


async def test_an_access_request_gathers_everything_into_one_archive(datarights: DatarightsForTests) -> None:
    anna = datarights.person("anna's")
    datarights.person("somebody else's")
    request = await datarights.made(anna, ACCESS)
    assert datarights.waked == 1
    with pytest.raises(RequestUnknown):
        await datarights.fetch(anna, request.id)
    await datarights.fulfil.all()
    # At rest there is nothing in clear, and the archive alone.
    assert {name.split("/")[2] for name in datarights.world.objects} == {"archive"}
    assert not any(b"anna" in stored for stored in datarights.world.objects.values())
    archive = await datarights.fetch(anna, request.id)
    manifest = verify_archive(io.BytesIO(archive), datarights.signer.key)
    assert (manifest.subject, manifest.request) == (anna.subject, request.id)
    with zipfile.ZipFile(io.BytesIO(archive)) as file:
        for participant in PARTICIPANTS:
            rows = json.loads(file.read(f"data/{participant}/rows.json"))["rows"]
            assert rows[0] == {"value": f"anna's at {participant}", "target_id": None}
            assert len(rows) == (2 if participant == "audit" else 1)
        assert all(b"somebody" not in file.read(name) for name in file.namelist())
        (own,) = json.loads(file.read("data/datarights/requests.json"))["rows"]
        assert (own["request_id"], own["right"], own["completed_at"]) == (str(request.id), "access", None)
    assert await datarights.actions() == ["export.requested", "request.completed", "archive.fetched"]


async def test_an_archive_is_fetched_once_by_twenty_at_once(datarights: DatarightsForTests) -> None:
    anna = datarights.person()
    request = await datarights.made(anna, ACCESS)
    await datarights.fulfil.all()
    found = await asyncio.gather(*(datarights.fetch(anna, request.id) for _ in range(20)), return_exceptions=True)
    assert sum(isinstance(each, bytes) for each in found) == 1
    assert sum(isinstance(each, RequestUnknown) for each in found) == 19
    read = await datarights.reading.get(anna.subject, request.id)
    assert read.archive_until(datarights.clock.now()) is None
    assert (await datarights.actions()).count("archive.fetched") == 1
    # It stays for as long as somebody may still be fetching it.
    await datarights.remove_archives()
    assert datarights.world.objects
    datarights.clock.advance(FETCHING.total_seconds())
    await datarights.remove_archives()
    assert not datarights.world.objects


async def test_an_archive_that_nobody_fetches_goes_after_a_week(datarights: DatarightsForTests) -> None:
    anna = datarights.person()
    request = await datarights.made(anna, ACCESS)
    await datarights.fulfil.all()
    await datarights.remove_archives()
    assert datarights.world.objects
    datarights.clock.advance(ARCHIVE_LIFE.total_seconds())
    with pytest.raises(RequestUnknown):
        await datarights.fetch(anna, request.id)
    await datarights.remove_archives()
    assert not datarights.world.objects


async def test_a_newer_archive_takes_the_place_of_one_that_nobody_fetched(datarights: DatarightsForTests) -> None:
    anna, ben = datarights.person(), datarights.person()
    bens = await datarights.made(ben, ACCESS)
    requests = []
    for _ in range(3):
        requests.append(await datarights.made(anna, ACCESS))
        await datarights.fulfil.all()
    for older in requests[:2]:
        with pytest.raises(RequestUnknown):
            await datarights.fetch(anna, older.id)
    await datarights.remove_archives()
    assert {name.split("/")[1] for name in datarights.world.objects} == {str(bens.id), str(requests[2].id)}
    assert await datarights.fetch(anna, requests[2].id)
    assert await datarights.fetch(ben, bens.id)


async def test_somebody_elses_request_is_as_unknown_as_none(datarights: DatarightsForTests) -> None:
    anna, eve = datarights.person(), datarights.person()
    request = await datarights.made(anna, ACCESS)
    await datarights.fulfil.all()
    for unknown in (request.id, uuid4()):
        with pytest.raises(RequestUnknown):
            await datarights.reading.get(eve.subject, unknown)
        with pytest.raises(RequestUnknown):
            await datarights.fetch(eve, unknown)
    assert (await datarights.reading.page(eve.subject, before=None, limit=50)).requests == []
    # The same id is another request for somebody else, and tells nothing.
    hers = await datarights.made(eve, ERASURE, request_id=request.id)
    assert hers.subject == eve.subject
    async with datarights.runtime.transaction(Context(subjects=frozenset({eve.subject}))) as tx:
        rows = await tx.fetch("SELECT subject_id FROM request UNION ALL SELECT subject_id FROM request_step")
        assert {row["subject_id"] for row in rows} == {eve.subject}
        spent = await tx.execute("UPDATE request SET archive_fetched_at = now() WHERE subject_id = $1", anna.subject)
        assert spent == "UPDATE 0"


async def test_a_request_is_made_once(datarights: DatarightsForTests) -> None:
    anna = datarights.person()
    request_id = datarights.ids.uuid7()
    made = await asyncio.gather(*(datarights.made(anna, ACCESS, request_id=request_id) for _ in range(10)))
    assert {each.id for each in made} == {request_id}
    assert await datarights.actions() == ["export.requested"]
    with pytest.raises(RequestExists):
        await datarights.made(anna, ERASURE, request_id=request_id)
    with pytest.raises(RequestRunning):
        await datarights.made(anna, ACCESS)
    with pytest.raises(IdInvalid):
        await datarights.made(anna, ACCESS, request_id=uuid4())
    await datarights.fulfil.all()
    await datarights.made(anna, ACCESS)


async def test_requests_are_listed_newest_first_page_by_page(datarights: DatarightsForTests) -> None:
    anna = datarights.person()
    made: list[UUID] = []
    for _ in range(3):
        made.append((await datarights.made(anna, ACCESS)).id)
        await datarights.fulfil.all()
        datarights.clock.advance(1)
    first = await datarights.reading.page(anna.subject, before=None, limit=2)
    rest = await datarights.reading.page(anna.subject, before=first.requests[-1].id, limit=2)
    assert [each.id for each in (*first.requests, *rest.requests)] == made[::-1]
    assert (first.more, rest.more) == (True, False)


async def test_an_erasure_reaches_everybody_and_then_the_keys(datarights: DatarightsForTests) -> None:
    anna, ben = datarights.person(), datarights.person()
    earlier = await datarights.made(anna, ACCESS)
    await datarights.fulfil.all()
    datarights.world.done.clear()
    request = await datarights.made(anna, ERASURE)
    await datarights.fulfil.all()
    assert datarights.world.done == [*(f"erase {each}" for each in PARTICIPANTS), "destroy keys"]
    assert {subject for _, subject in datarights.world.data} == {ben.subject}
    assert datarights.world.destroyed == {anna.subject}
    assert not datarights.world.objects
    with pytest.raises(RequestUnknown):
        await datarights.fetch(anna, earlier.id)
    assert (await datarights.reading.get(anna.subject, request.id)).completed_at
    assert (await datarights.actions())[2:] == ["erasure.requested", "request.completed", "subject.erased"]


async def test_an_erasure_ends_what_else_is_under_way(datarights: DatarightsForTests) -> None:
    anna = datarights.person()
    datarights.participants.away.add("audit")
    access = await datarights.made(anna, ACCESS)
    await datarights.fulfil.all()
    datarights.participants.away.clear()
    await datarights.made(anna, ERASURE)
    await datarights.fulfil.all()
    assert (await datarights.reading.get(anna.subject, access.id)).completed_at
    datarights.clock.advance(LONGEST_PAUSE.total_seconds())
    assert not await datarights.fulfil.one()
    assert not datarights.world.objects
    assert not datarights.world.authorized


async def test_an_erasure_waits_for_owners(datarights: DatarightsForTests) -> None:
    anna = datarights.person()
    workspace = uuid4()
    datarights.world.owned[anna.subject] = [Obstacle(workspace=workspace, name="Anna's")]
    with pytest.raises(ErasureObstructed) as caught:
        await datarights.made(anna, ERASURE)
    assert caught.value.metadata == {"workspaces": str(workspace), "names": "Anna's"}
    assert await datarights.actions() == []
    await datarights.made(anna, ACCESS)


def steps(datarights: DatarightsForTests, right: str) -> list[str]:
    """Everything that is done for a request, in its order."""
    seen: list[str] = []
    datarights.world.before = seen.append
    return seen


@pytest.mark.parametrize("right", [ACCESS, ERASURE])
async def test_a_request_is_finished_wherever_it_was_killed(datarights: DatarightsForTests, right: str) -> None:
    anna = datarights.person()
    seen = steps(datarights, right)
    await datarights.made(anna, right)
    await datarights.fulfil.all()
    moments = list(seen)
    datarights.world.before = lambda _: None
    assert len(moments) > 5
    for moment in moments:
        for when in ("before", "after"):
            person = datarights.person(f"{moment} {when}")
            request = await datarights.made(person, right)

            def kill(what: str, moment: str = moment) -> None:
                if what == moment:
                    raise Killed

            set_hook(datarights, when, kill)
            with pytest.raises(Killed):
                await datarights.fulfil.one()
            set_hook(datarights, when, lambda _: None)
            # Nobody takes it up while the dead worker may still live.
            assert not await datarights.fulfil.one()
            datarights.clock.advance(LEASE.total_seconds())
            await datarights.fulfil.all()
            read = await datarights.reading.get(person.subject, request.id)
            assert read.completed_at, f"killed {when} {moment}"
            if right == ACCESS:
                archive = await datarights.fetch(person, request.id)
                verify_archive(io.BytesIO(archive), datarights.signer.key)
                datarights.clock.advance(FETCHING.total_seconds())
                await datarights.remove_archives()
            else:
                assert person.subject in datarights.world.destroyed
    assert not [name for name in datarights.world.objects if str(anna.subject) not in name]


def set_hook(datarights: DatarightsForTests, when: str, hook: Callable[[str], None]) -> None:
    setattr(datarights.world, when, hook)


async def test_workers_do_not_do_the_same_at_once(datarights: DatarightsForTests) -> None:
    people = [datarights.person() for _ in range(6)]
    for person in people:
        await datarights.made(person, ACCESS)
    await asyncio.gather(*(datarights.fulfil.all() for _ in range(4)))
    assert len(datarights.world.done) == len(people) * len(PARTICIPANTS)
    assert (await datarights.actions()).count("request.completed") == len(people)


async def test_what_a_lost_lease_did_is_not_written_down(datarights: DatarightsForTests) -> None:
    anna = datarights.person()
    await datarights.made(anna, ACCESS)
    taken = asyncio.Event()
    go_on = asyncio.Event()
    real = datarights.participants.categories

    async def slow(participant: str) -> object:
        if not taken.is_set():
            taken.set()
            await go_on.wait()
        return await real(participant)

    datarights.participants.categories = slow  # type: ignore[method-assign,assignment] # the test holds one worker
    first = asyncio.create_task(datarights.fulfil.one())
    await taken.wait()
    datarights.clock.advance(LEASE.total_seconds())
    await datarights.fulfil.all()
    go_on.set()
    assert await first
    assert (await datarights.actions()).count("request.completed") == 1
    assert len(await datarights.as_administrator("SELECT FROM request_step")) == len(PARTICIPANTS) + 2


async def test_who_is_away_is_asked_again_later_and_nobody_else_waits(datarights: DatarightsForTests) -> None:
    anna, ben = datarights.person(), datarights.person()
    datarights.participants.away.add("session")
    request = await datarights.made(anna, ACCESS)
    await datarights.fulfil.all()
    assert not await datarights.fulfil.one()
    datarights.participants.away.clear()
    await datarights.made(ben, ACCESS)
    await datarights.fulfil.all()
    assert not (await datarights.reading.get(anna.subject, request.id)).completed_at
    datarights.clock.advance(pause_after(2).total_seconds())
    await datarights.fulfil.all()
    assert (await datarights.reading.get(anna.subject, request.id)).completed_at
    # Nothing that was done before was done again.
    assert datarights.world.done.count("gather tenancy") == 2


def test_pauses_double_and_end() -> None:
    assert [pause_after(attempt).total_seconds() for attempt in (0, 1, 2, 3)] == [2, 2, 4, 8]
    assert pause_after(10_000) == LONGEST_PAUSE
