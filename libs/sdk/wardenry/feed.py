"""Follows a feed: sends ticks, takes in what comes, connects again whatever happens."""

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import grpc

from wardenry.lease import Lease

#: Seconds between ticks, the servers' own interval.
TICK = 0.2
#: Seconds without any message after which a stream is taken for dead.
SILENCE = 3.0
SHORTEST_PAUSE = 0.1
LONGEST_PAUSE = 2.0

_Request = TypeVar("_Request")
_Response = TypeVar("_Response")
_log = logging.getLogger("wardenry.feed")


class Feed(Generic[_Request, _Response]):
    """One bidirectional stream of RevocationService or MembershipService, for as long as `run` runs."""

    def __init__(
        self,
        *,
        name: str,
        watch: Callable[[], Any],
        request: Callable[[int, int], _Request],
        apply: Callable[[_Response], None],
        lease: Lease,
    ) -> None:
        """`watch` opens the stream, `request` makes a message of a tick and of the greatest number that was taken in,
        `apply` takes a response in and renews `lease`."""
        self._name = name
        self._watch = watch
        self._request = request
        self._apply = apply
        self._lease = lease
        self._applied = 0
        self._due = asyncio.Event()
        self.received = asyncio.Event()

    async def run(self) -> None:
        """Follow, for ever. Between streams the lease runs out, and whoever asks it learns so."""
        pause = SHORTEST_PAUSE
        while True:
            heard = await self._follow()
            pause = SHORTEST_PAUSE if heard else min(pause * 2, LONGEST_PAUSE)
            # Jitter, so that a restarted server does not meet all of its clients in one moment.
            await asyncio.sleep(pause * (0.5 + random.random() / 2))  # noqa: S311 - not a secret

    async def _follow(self) -> bool:
        """One stream to its end. Whether anything was heard on it."""
        heard = False
        self._lease.begin()
        self._applied = 0
        stream = self._watch()
        ticking = asyncio.create_task(self._tick(stream), name=f"ticks of {self._name}")
        try:
            while True:
                async with asyncio.timeout(SILENCE):
                    response = await stream.read()
                if response is grpc.aio.EOF:
                    return heard
                self._apply(response)
                if response.number:
                    # Somebody may wait for this word: what they took away, they acknowledge when we refuse it.
                    self._applied = response.number
                    self._due.set()
                heard = True
                self.received.set()
        except (grpc.aio.AioRpcError, TimeoutError) as error:
            code = error.code().name if isinstance(error, grpc.aio.AioRpcError) else "silent"
            _log.log(logging.WARNING if heard else logging.DEBUG, "feed of %s lost: %s", self._name, code)
            return heard
        except Exception:
            # A defect in taking a message in. The lease runs out and checks ask the issuer, which is slow and right.
            _log.exception("feed of %s cannot be taken in", self._name)
            return False
        finally:
            stream.cancel()
            ticking.cancel()
            # Waiting for the task itself would take our own cancellation, if it came now, for the task's.
            await asyncio.wait([ticking])

    async def _tick(self, stream: Any) -> None:
        # A write that fails needs no handling here: the read that waits meanwhile fails with the same cause.
        with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
            while True:
                self._due.clear()
                await stream.write(self._request(self._lease.tick(), self._applied))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(TICK):
                        await self._due.wait()
