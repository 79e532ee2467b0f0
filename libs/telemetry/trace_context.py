"""W3C trace context (https://www.w3.org/TR/trace-context/): which trace the work at hand belongs to.

Every call has one, also where nothing is recorded: logs, events and errors carry the trace id, and callees continue it.
"""

import hashlib
import random
import re
from contextlib import suppress
from contextvars import ContextVar, Token
from dataclasses import dataclass

_VERSION = "00"
_SAMPLED = 0x01
#: Later versions may have more to say behind a further dash; version ff is forbidden.
_TRACEPARENT = re.compile(r"(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class TraceContext:
    """A position in a trace. Ids are correlation, not secrets."""

    trace_id: int
    span_id: int
    sampled: bool

    @property
    def trace_id_hex(self) -> str:
        return f"{self.trace_id:032x}"

    def traceparent(self) -> str:
        """The header's value."""
        return f"{_VERSION}-{self.trace_id:032x}-{self.span_id:016x}-{int(self.sampled):02x}"

    def child(self) -> "TraceContext":
        """The position of a new piece of work inside this one."""
        # One is drawn for every call, and no visitor sees it: the fast generator will do.
        return TraceContext(trace_id=self.trace_id, span_id=random.getrandbits(64) or 1, sampled=self.sampled)

    def derived(self, seed: bytes) -> "TraceContext":
        """The position of the piece of work inside this one that `seed` names: the same whenever it is asked for."""
        digest = hashlib.sha256(self.span_id.to_bytes(8, "big") + seed).digest()
        return TraceContext(
            trace_id=self.trace_id, span_id=int.from_bytes(digest[:8], "big") or 1, sampled=self.sampled
        )


#: Visitors see where their traces begin. From the system's generator, that tells nothing of the next coin.
_visible = random.SystemRandom()
_current: ContextVar[TraceContext | None] = ContextVar("wardenry_trace_context", default=None)


def new_trace(*, ratio: float) -> TraceContext:
    """The first position of a new trace; recorded with probability `ratio`."""
    ids = _visible.getrandbits(192)
    sampled = random.random() < ratio  # noqa: S311 - a coin, not a secret
    return TraceContext(trace_id=ids >> 64 or 1, span_id=ids & 0xFFFF_FFFF_FFFF_FFFF or 1, sampled=sampled)


def parse(traceparent: str) -> TraceContext | None:
    """The context in a header; None when it is malformed, which by the standard starts a new trace."""
    found = _TRACEPARENT.fullmatch(traceparent)
    if found is None:
        return None
    version, trace_id, span_id, flags, more = found.groups()
    if version == _VERSION and more is not None:
        return None
    context = TraceContext(int(trace_id, 16), int(span_id, 16), bool(int(flags, 16) & _SAMPLED))
    return context if context.trace_id and context.span_id else None


def recorded(traceparent: str | None) -> TraceContext | None:
    """The context that an event carries, if its trace is sampled. Of the others, which are most, one digit is read."""
    if not traceparent or traceparent[-1] not in "13579bdf":
        return None
    context = parse(traceparent)
    return context if context is not None and context.sampled else None


def current() -> TraceContext | None:
    """Where the running task is; None outside of any trace."""
    return _current.get()


def current_traceparent() -> str | None:
    """What to hand on to a callee or into an event."""
    context = _current.get()
    return context.traceparent() if context is not None else None


def enter(context: TraceContext) -> Token[TraceContext | None]:
    """Have the running task be there, until `leave`."""
    return _current.set(context)


def leave(token: Token[TraceContext | None]) -> None:
    # A generator that was left unfinished is closed by another task, whose own position is not touched.
    with suppress(ValueError):
        _current.reset(token)
