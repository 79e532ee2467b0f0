"""How old what we know may be: a verdict needs a lease younger than 800 milliseconds.

We send our own clock's reading, a tick, and the server echoes the last one that arrived before it began to read its
database. So whatever was committed before we sent that tick has been read, whatever the network did in between, and no
clock
but ours is looked at.
"""

from wardenry.clock import Clock

#: Seconds. With the server's reads every 200 ms it is met with room; of the second promised it leaves some for the
#: check.
LONGEST = 0.8
#: Seconds after something has committed when no lease counts on less any more: some more, as clocks' rates differ.
OVER = LONGEST + 0.02
_NANOSECONDS = 1_000_000_000


class Lease:
    """Counts from the moment we sent the last tick that came back."""

    def __init__(self, *, clock: Clock, longest: float = LONGEST) -> None:
        self._clock = clock
        self._longest = longest
        self._since = float("-inf")
        self._first = self._last = 0

    def begin(self) -> None:
        """A new stream begins: echoes of ticks of an earlier one do not count."""
        self._first = self._last = 0

    def tick(self) -> int:
        """What to send now: nanoseconds of our own clock."""
        self._last = int(self._clock.monotonic() * _NANOSECONDS)
        self._first = self._first or self._last
        return self._last

    def renew(self, echo: int) -> None:
        """An echo came back with everything that was read. One that we did not send on this stream is ignored."""
        if self._first and self._first <= echo <= self._last:
            self._since = max(self._since, echo / _NANOSECONDS)

    def is_fresh(self, at: float) -> bool:
        """Whether what we know was complete less than the longest age before `at`, a reading of our clock."""
        return at - self._since < self._longest
