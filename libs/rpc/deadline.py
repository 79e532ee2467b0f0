"""Check: how long the call may take. Around the handler: what is past its deadline is ended, for nobody waits."""

import asyncio
from types import TracebackType

from wardenry.errors.error import DeadlineExceeded

#: Seconds for a call whose caller named none.
DEFAULT = 5.0
#: Seconds, whatever the caller named. Streams are exempt: they end with their caller.
LONGEST = 30.0


def seconds_for(remaining: float | None) -> float:
    """How long to work, given what the caller's deadline leaves; None when it has none."""
    return DEFAULT if remaining is None else max(0.0, min(remaining, LONGEST))


class Deadline:
    """Cancels what the running task does in the block once it has taken so long, and then raises DeadlineExceeded.

    As asyncio.timeout does, for less: every call pays for one.
    """

    __slots__ = ("_cancelling", "_over", "_seconds", "_task", "_timer")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in a task
        self._task = task
        self._cancelling = task.cancelling()
        self._over = False
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._end)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        # Somebody else's cancellation goes on, whether or not ours came too.
        if self._over and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise DeadlineExceeded("The deadline passed.") from error

    def _end(self) -> None:
        self._over = True
        self._task.cancel()
