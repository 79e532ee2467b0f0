"""Segments over S3's protocol, on a store that is well and on one that is not."""

from collections.abc import Iterator

import pytest

from services.audit.clients.segment import ObjectStoreSegments
from services.audit.commands.segment import StoreSegments
from services.audit.domain.errors import ObjectsUnavailable
from services.audit.domain.segment import segment_name
from services.audit.jobs.segment import StoreWhatIsLeft
from tests.support.audit import LOG, AuditOnPostgres
from tests.support.events import eventually, running
from tests.support.object_store import Mood, S3ForTests, s3_for_tests


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3ForTests]:
    with s3_for_tests() as store:
        # As a deployment names its store: by the variables that every client of S3 knows.
        for name, value in store.environment.items():
            monkeypatch.setenv(name, value)
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.delenv(name, raising=False)
        yield store


async def test_objects_go_in_and_out_and_are_listed(store: S3ForTests) -> None:
    objects = ObjectStoreSegments(url="s3://bucket/logs")
    names = [segment_name(number, bytes([number]) * 32) for number in (9, 10, 100)]
    for name in names:
        await objects.put(name, name.encode())
    assert list(store.stored) == [f"logs/{name}" for name in names]
    assert await objects.get(names[1]) == names[1].encode()
    assert await objects.get("segments/none") is None
    assert await objects.names_from(10) == names[1:]


@pytest.mark.parametrize("mood", [Mood.HANGS, Mood.FULL])
async def test_what_it_does_not_take_is_not_stored(store: S3ForTests, mood: Mood) -> None:
    objects = ObjectStoreSegments(url="s3://bucket", timeout=0.5)
    store.mood = mood
    with pytest.raises(ObjectsUnavailable):
        await objects.put("segments/1", b"x")


@pytest.mark.parametrize("mood", [Mood.HANGS, Mood.HALF])
async def test_half_an_object_is_none(store: S3ForTests, mood: Mood) -> None:
    await ObjectStoreSegments(url="s3://bucket").put("segments/1", b"whole")
    store.mood = mood
    with pytest.raises(ObjectsUnavailable):
        await ObjectStoreSegments(url="s3://bucket", timeout=0.5).get("segments/1")


async def test_a_store_that_hangs_releases_nothing_and_catches_up(audit: AuditOnPostgres, store: S3ForTests) -> None:
    segments = StoreSegments(
        units=audit.units, objects=ObjectStoreSegments(url="s3://bucket", timeout=0.5), clock=audit.clock
    )
    async with audit.units.begin([LOG]) as work:
        await audit.append.append(work, audit.records(3))
    store.mood = Mood.HANGS
    with pytest.raises(ObjectsUnavailable):
        await segments.store()
    assert (await audit.proving.checkpoint(LOG)).size == 0
    store.mood = Mood.WELL
    job = StoreWhatIsLeft(segments=segments, checkpoints=audit.checkpoints, clock=audit.clock)
    async with running(job.run()):

        async def released() -> bool:
            return (await audit.proving.checkpoint(LOG)).size == 3

        await eventually(released)
    assert len(store.stored) == 1
