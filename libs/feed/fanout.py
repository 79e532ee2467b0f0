"""What one read of the database brought, handed to every stream that follows it; and whether they know it."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from wardenry.clock import Clock
from wardenry.lease import LONGEST

Row = TypeVar("Row")

#: Rows of one message; at about 60 bytes each far below the transport's limit of 4 MiB.
MESSAGE_ROWS = 10_000
#: Rows that may wait for a client that does not read. Beyond, its stream ends, and it begins anew with a snapshot.
PENDING_ROWS = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Update(Generic[Row]):
    """One message of a stream."""

    #: What was known before is to be forgotten: the first messages of a stream.
    snapshot: bool
    rows: Sequence[Row]
    #: The last tick that arrived before the read began; 0 for none, and in every message but a read's last.
    echo: int
    #: False when the same read goes on in the next message.
    complete: bool
    #: The database's time at which the read began.
    read_at: datetime
    #: By which the client says that it has taken in what was told so far; 0 where nothing new is told, and in every
    #: message but a read's last.
    number: int


class Stream(Generic[Row]):
    """One client's place in the fan-out. Iterate it for its messages; it ends when the client falls too far behind,
    when the feed starts anew, or by `close`."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._tick = 0
        self._arrived_at = float("-inf")
        self._told = self._applied = 0
        self._heard = asyncio.Event()
        self._left = False
        self._echoed = 0
        self._initial = True
        self._pending: list[Row] = []
        self._snapshot = False
        self._read_at: datetime | None = None
        self._closed = False
        self._changed = asyncio.Event()

    @property
    def initial(self) -> bool:
        """Whether it waits for its snapshot."""
        return self._initial

    @property
    def tick(self) -> int:
        """The last tick that has arrived."""
        return self._tick

    @property
    def told(self) -> int:
        """How many reads have brought it something."""
        return self._told

    @property
    def lease_until(self) -> float:
        """When the client's lease is over at the latest, by our clock, unless another tick arrives: it counts from when
        the client sent the tick."""
        return float("-inf") if self._initial else self._arrived_at + LONGEST

    def arrived(self, tick: int, *, applied: int = 0) -> None:
        """Takes note of the client's tick, to be echoed by the next read that begins, and of how far it has taken in
        what it was told: the greatest number among the messages."""
        self._tick = tick
        self._arrived_at = self._clock.monotonic()
        # A number that was never given confirms nothing.
        if self._applied < applied <= self._told:
            self._applied = applied
            self._wake()

    def left(self) -> None:
        """Takes note that the client says nothing any more."""
        self._left = True
        self._wake()

    async def confirmed(self, number: int) -> None:
        """Waits until the client has taken in everything up to this number, or has left."""
        while self._applied < number and not self._left:
            await self._heard.wait()

    def _wake(self) -> None:
        self._heard.set()
        self._heard = asyncio.Event()

    def close(self) -> None:
        """Ends the iteration."""
        self._closed = True
        self._changed.set()

    def deliver(self, *, rows: Sequence[Row], echo: int, read_at: datetime) -> None:
        """Adds one read. Reads that the client has not fetched yet become one: all their rows under the last echo."""
        self._told += bool(rows) or self._initial
        if len(self._pending) + len(rows) > PENDING_ROWS and not self._initial:
            self.close()
            return
        self._snapshot = self._snapshot or self._initial
        self._initial = False
        self._pending.extend(rows)
        self._echoed, unchanged = echo, echo == self._echoed
        self._read_at = read_at
        if self._pending or self._snapshot or not unchanged:
            self._changed.set()

    async def __aiter__(self) -> AsyncIterator[Update[Row]]:
        while True:
            await self._changed.wait()
            self._changed.clear()
            if self._closed:
                return
            for update in self._take():
                yield update

    def _take(self) -> list[Update[Row]]:
        if self._read_at is None:
            return []
        rows, self._pending = self._pending, []
        snapshot, self._snapshot = self._snapshot, False
        number = self._told if rows or snapshot else 0
        starts = range(0, len(rows), MESSAGE_ROWS) or range(1)
        return [
            Update(
                # A snapshot's later parts add to its first one.
                snapshot=snapshot and start == 0,
                rows=rows[start : start + MESSAGE_ROWS],
                echo=self._echoed if start == starts[-1] else 0,
                complete=start == starts[-1],
                read_at=self._read_at,
                number=number if start == starts[-1] else 0,
            )
            for start in starts
        ]


class Round(Generic[Row]):
    """One read: who takes part in it, and with which tick. A stream or tick that comes later is the next read's."""

    def __init__(self, fanout: "Fanout[Row]") -> None:
        self._fanout = fanout
        self._parts = [(stream, stream.tick, stream.initial) for stream in fanout.streams]
        #: What each client has to confirm. Who begins is not among them: it has no lease on its stream yet.
        self._awaited: list[tuple[Stream[Row], int]] = []

    @property
    def needs_everything(self) -> bool:
        """Whether a stream among them has no snapshot yet."""
        return any(initial for _, _, initial in self._parts)

    def deliver(self, *, everything: Sequence[Row], new: Sequence[Row], read_at: datetime) -> None:
        """Hands the read out: `everything` to those that begin, `new` to the others."""
        for stream, tick, initial in self._parts:
            stream.deliver(rows=everything if initial else new, echo=tick, read_at=read_at)
        self._awaited = [(stream, stream.told) for stream, _, initial in self._parts if not initial]

    async def known(self) -> None:
        """Once delivered: waits until no client of this process, under a lease that is not over, judges by less than
        this read. The caller bounds it: a lease's time after the read began that is so in any case."""
        for stream, number in self._awaited:
            # Who has sent no tick for so long judges nothing on its own.
            if stream.lease_until > self._fanout.clock.monotonic():
                await stream.confirmed(number)
        await asyncio.sleep(self._fanout.orphaned_until - self._fanout.clock.monotonic())


class Fanout(Generic[Row]):
    """The streams of one process."""

    def __init__(self, *, clock: Clock) -> None:
        self.clock = clock
        self.streams: set[Stream[Row]] = set()
        #: When the last lease is over of those whose stream has ended: a line may be cut, and its client go on.
        self.orphaned_until = float("-inf")

    @contextmanager
    def stream(self) -> Iterator[Stream[Row]]:
        """A stream from now to the end of the block."""
        stream: Stream[Row] = Stream(clock=self.clock)
        self.streams.add(stream)
        try:
            yield stream
        finally:
            self.streams.discard(stream)
            self.orphaned_until = max(self.orphaned_until, stream.lease_until)
            stream.left()

    def begin(self) -> Round[Row]:
        """To be called before a read begins: fixes which ticks it may echo."""
        return Round(self)

    def close(self) -> None:
        """Ends every stream; the clients come back and get a snapshot."""
        for stream in self.streams:
            stream.close()
