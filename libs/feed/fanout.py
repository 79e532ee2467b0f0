"""What one read of the database brought, handed to every stream that follows it."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

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


class Stream(Generic[Row]):
    """One client's place in the fan-out. Iterate it for its messages; it ends when the client falls too far behind,
    when the feed starts anew, or by `close`."""

    def __init__(self) -> None:
        self._tick = 0
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

    def arrived(self, tick: int) -> None:
        """Takes note of the client's tick, to be echoed by the next read that begins."""
        self._tick = tick

    def close(self) -> None:
        """Ends the iteration."""
        self._closed = True
        self._changed.set()

    def deliver(self, *, rows: Sequence[Row], echo: int, read_at: datetime) -> None:
        """Adds one read. Reads that the client has not fetched yet become one: all their rows under the last echo."""
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
        starts = range(0, len(rows), MESSAGE_ROWS) or range(1)
        return [
            Update(
                # A snapshot's later parts add to its first one.
                snapshot=snapshot and start == 0,
                rows=rows[start : start + MESSAGE_ROWS],
                echo=self._echoed if start == starts[-1] else 0,
                complete=start == starts[-1],
                read_at=self._read_at,
            )
            for start in starts
        ]


class Round(Generic[Row]):
    """One read: who takes part in it, and with which tick. A stream or tick that comes later is the next read's."""

    def __init__(self, streams: Sequence[Stream[Row]]) -> None:
        self._parts = [(stream, stream.tick, stream.initial) for stream in streams]

    @property
    def needs_everything(self) -> bool:
        """Whether a stream among them has no snapshot yet."""
        return any(initial for _, _, initial in self._parts)

    def deliver(self, *, everything: Sequence[Row], new: Sequence[Row], read_at: datetime) -> None:
        """Hands the read out: `everything` to those that begin, `new` to the others."""
        for stream, tick, initial in self._parts:
            stream.deliver(rows=everything if initial else new, echo=tick, read_at=read_at)


class Fanout(Generic[Row]):
    """The streams of one process."""

    def __init__(self) -> None:
        self._streams: set[Stream[Row]] = set()
        self._occupied = asyncio.Event()

    @contextmanager
    def stream(self) -> Iterator[Stream[Row]]:
        """A stream from now to the end of the block."""
        stream: Stream[Row] = Stream()
        self._streams.add(stream)
        self._occupied.set()
        try:
            yield stream
        finally:
            self._streams.discard(stream)
            if not self._streams:
                self._occupied.clear()

    async def occupied(self) -> None:
        """Waits until there is a stream."""
        await self._occupied.wait()

    def begin(self) -> Round[Row]:
        """To be called before a read begins: fixes which ticks it may echo."""
        return Round(list(self._streams))

    def close(self) -> None:
        """Ends every stream; the clients come back and get a snapshot."""
        for stream in self._streams:
            stream.close()
