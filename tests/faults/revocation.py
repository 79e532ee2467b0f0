"""A session that ends while eight loops use its tokens: how each use was answered, and when it was sent."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx2

from tests.faults.session_line import Line, introspected
from wardenry.errors.error import Unauthenticated, WardenryError
from wardenry.tokens import AUDIENCE
from wardenry.verifier import TokenVerifier

if TYPE_CHECKING:
    from wardenry.session.v1.token_pb2_grpc import TokenServiceAsyncStub

#: Seconds of use before and after the end: longer after it than any lease lasts.
BEFORE = 0.4
AFTER = 1.0
#: Between two uses in one loop: many a second, and some of the machine is left for the answers.
PAUSE = 0.01


@dataclass(frozen=True, slots=True)
class Use:
    sent_at: float
    #: Whether it was served; None when no verdict was possible.
    served: bool | None


@dataclass(slots=True)
class Loop:
    """One way to use the session, again and again."""

    name: str
    once: Callable[[], Awaitable[bool]]
    uses: list[Use] = field(default_factory=list)

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            sent_at = time.monotonic()
            try:
                served: bool | None = await self.once()
            except Unauthenticated:
                served = False
            except (WardenryError, httpx2.HTTPError):
                served = None
            self.uses.append(Use(sent_at, served))
            await asyncio.sleep(PAUSE)

    def findings(self, acknowledged: float) -> list[str]:
        """What must not be: a use that was sent after the acknowledgement and served. Also that the loop saw nothing at
        all, which would prove nothing."""
        late = [use.sent_at - acknowledged for use in self.uses if use.served and use.sent_at >= acknowledged]
        before = [use for use in self.uses if use.sent_at < acknowledged]
        found = [f"{self.name} was served {seconds:.3f} s after the acknowledgement" for seconds in late]
        if not any(use.served for use in before):
            found.append(f"{self.name} was never served before")
        if not any(use.served is False and use.sent_at >= acknowledged for use in self.uses):
            found.append(f"{self.name} was never refused after")
        return found

    def refused_after(self, acknowledged: float) -> int:
        """How many uses were sent after the acknowledgement and refused."""
        return sum(use.served is False and use.sent_at >= acknowledged for use in self.uses)

    def last_served(self, acknowledged: float) -> float:
        """Seconds from the acknowledgement to the last use that was served; negative before it."""
        return max((use.sent_at - acknowledged for use in self.uses if use.served), default=-BEFORE)


def eight_loops(lines: tuple[Line, Line], tokens: "TokenServiceAsyncStub", verifier: TokenVerifier) -> list[Loop]:
    """Three introspect, three verify, two refresh: each of the session's two lines of refresh tokens has one loop that
    moves it on, so that no two loops take one another's refresh for a theft."""
    first, second = lines
    begun_with = first.access

    def introspecting(access: Callable[[], str]) -> Callable[[], Awaitable[bool]]:
        return lambda: introspected(tokens, access())

    def verifying(access: Callable[[], str]) -> Callable[[], Awaitable[bool]]:
        async def once() -> bool:
            await verifier.verify(access(), audience=AUDIENCE)
            return True

        return once

    def refreshing(line: Line) -> Callable[[], Awaitable[bool]]:
        async def once() -> bool:
            await line.rotate(tokens)
            return True

        return once

    used = {
        "the first token": lambda: begun_with,
        "the newest": lambda: first.access,
        "the other line's": lambda: second.access,
    }
    return [
        *(Loop(f"introspection of {name}", introspecting(access)) for name, access in used.items()),
        *(Loop(f"the SDK with {name}", verifying(access)) for name, access in used.items()),
        *(Loop(f"refresh of line {number}", refreshing(line)) for number, line in enumerate(lines, start=1)),
    ]


async def used_while_ended(loops: list[Loop], end: Callable[[], Awaitable[None]]) -> float:
    """Runs the loops, ends the session among them, and lets them run on. Returns when the end was acknowledged."""
    stop = asyncio.Event()
    running = [asyncio.create_task(loop.run(stop)) for loop in loops]
    try:
        await asyncio.sleep(BEFORE)
        await end()
        acknowledged = time.monotonic()
        await asyncio.sleep(AFTER)
    finally:
        stop.set()
        await asyncio.gather(*running)
    return acknowledged
