"""What is measured and recorded of work. Who does the work speaks to this; whether anything comes of it is wiring's
decision.

Durations are measured of every call and request. Spans are recorded of work in a trace that is sampled, and of none
else: the coin is tossed once, where a trace begins, before any span is made.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from enum import Enum, auto
from typing import Protocol

from libs.telemetry.trace_context import TraceContext

#: By the names of OpenTelemetry's semantic conventions. Never a person's, never a secret, never a text that somebody
#: typed: what stands here is read by whoever reads the traces.
Attributes = Mapping[str, str | int]
#: Names the failure that an exception is, in a word of a small set; "" for one that is none of this work's.
Failure = Callable[[BaseException], str]


class Kind(Enum):
    """OpenTelemetry's kinds of spans."""

    SERVER = auto()
    CLIENT = auto()
    PRODUCER = auto()
    CONSUMER = auto()


class CallObservation(Protocol):
    """One RPC, from its beginning."""

    def end(self, *, code: str) -> None:
        """It is over, with this status ("OK", "NOT_FOUND", …). Called exactly once."""
        ...


class RequestObservation(Protocol):
    """One HTTP request, from its beginning."""

    def end(self, *, route: str, status: int) -> None:
        """It was answered with this status by the route of this template ("/w/{slug}"), or by none (""). Called exactly
        once."""
        ...


class Span(Protocol):
    """A piece of work that is being recorded."""

    def end(self, *, error: str = "") -> None:
        """It is over; `error` names its failure. One that is dropped without this is not recorded."""
        ...


class Observer(Protocol):
    """Measures what this process does, and records what belongs to a sampled trace."""

    @property
    def recording(self) -> bool:
        """Whether spans go anywhere."""
        ...

    def server_call(self, method: str, context: TraceContext, parent: TraceContext | None) -> CallObservation:
        """A call came in; `context` is its own position and `parent` the caller's."""
        ...

    def client_call(
        self, method: str, peer: str, context: TraceContext, parent: TraceContext | None
    ) -> CallObservation:
        """A call goes out to the service `peer`."""
        ...

    def request(
        self, method: str, scheme: str, context: TraceContext, visitor: TraceContext | None
    ) -> RequestObservation:
        """A request came in over HTTP and began the trace of `context`; `visitor` is where the visitor says to be."""
        ...

    def span(
        self, name: str, kind: Kind, attributes: Attributes, failure: Failure
    ) -> AbstractContextManager[object, None]:
        """The block, as a part of the running task's trace. The task is at the span's position meanwhile."""
        ...

    def message(
        self, name: str, kind: Kind, context: TraceContext, parent: TraceContext, attributes: Attributes
    ) -> Span:
        """What is done with one message of a sampled trace, beginning now, whatever the running task belongs to."""
        ...


class _Nothing:
    def end(self, *, code: str = "", route: str = "", status: int = 0, error: str = "") -> None:
        return None


class SilentObserver:
    """Records nothing: no collector is configured."""

    recording = False

    def __init__(self) -> None:
        self._nothing = _Nothing()
        self._no_span = nullcontext()

    def server_call(self, method: str, context: TraceContext, parent: TraceContext | None) -> CallObservation:
        return self._nothing

    def client_call(
        self, method: str, peer: str, context: TraceContext, parent: TraceContext | None
    ) -> CallObservation:
        return self._nothing

    def request(
        self, method: str, scheme: str, context: TraceContext, visitor: TraceContext | None
    ) -> RequestObservation:
        return self._nothing

    def span(
        self, name: str, kind: Kind, attributes: Attributes, failure: Failure
    ) -> AbstractContextManager[object, None]:
        return self._no_span

    def message(
        self, name: str, kind: Kind, context: TraceContext, parent: TraceContext, attributes: Attributes
    ) -> Span:
        return self._nothing


#: For what is used outside of a service: commands, tests.
SILENT = SilentObserver()
