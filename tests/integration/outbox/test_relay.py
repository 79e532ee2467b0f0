"""What the relay does with the answers of its consumers, on a real outbox and without a broker."""

from collections.abc import AsyncIterator, Mapping
from datetime import timedelta

import pytest

from libs.events.position import Position
from libs.outbox.bucket import bucket_of
from libs.outbox.cursors import CursorsUnavailable
from libs.outbox.numbering import Numbering
from libs.outbox.relay import Relay
from tests.support.events import LOG, SOURCE, EventPath, event_path, eventually, running
from tests.support.postgres import ServiceDatabases
from wardenry.clock import SystemClock


class _Consumer:
    """Says what it is told to say; None: does not answer."""

    def __init__(self, name: str, *, cursors: Mapping[int, Position] | None) -> None:
        self.name = name
        self.cursors = cursors
        self.asked = 0

    async def list_cursors(self, source: str) -> Mapping[int, Position]:
        self.asked += 1
        if self.cursors is None:
            raise CursorsUnavailable(self.name)
        return self.cursors


@pytest.fixture
async def path(service_database: ServiceDatabases) -> AsyncIterator[EventPath]:
    async with event_path(service_database, "127.0.0.1:1") as made:
        yield made


async def test_rows_stay_until_every_consumer_has_answered_and_has_them(path: EventPath) -> None:
    async def left() -> int:
        count: int = (await path.relay_role.fetch("SELECT count(*) FROM outbox"))[0][0]
        return count

    async def none_left() -> bool:
        return await left() == 0

    await path.emit(b"a")
    await Numbering(source=SOURCE, database=path.relay_role).number(limit=1)
    has_it = {bucket_of(LOG): Position(1, 1)}
    quick, silent = _Consumer("quick", cursors=has_it), _Consumer("silent", cursors=None)
    relay = Relay(
        source=SOURCE,
        database=path.relay_role,
        producer=path.producer(),
        consumers=[quick, silent],
        clock=SystemClock(),
        recovery_window=timedelta(0),
        poll=0.05,
        stall=60.0,
    )

    async def looked_after() -> None:
        """Until a round that begins after now has deleted what it deletes: the next one has begun."""
        before = silent.asked

        async def begun() -> bool:
            return silent.asked >= before + 2

        await eventually(begun)

    async with running(relay.run()):
        await looked_after()
        assert await left() == 1
        silent.cursors = {}
        await looked_after()
        assert await left() == 1
        silent.cursors = has_it
        await eventually(none_left)
