"""What is measured of a call. The interceptors speak to this; whether anything is recorded is wiring's decision."""

from typing import Protocol

from libs.telemetry.trace_context import TraceContext


class Observation(Protocol):
    """One call, from its beginning."""

    def end(self, *, code: str) -> None:
        """It is over, with this status ("OK", "NOT_FOUND", …). Called exactly once."""
        ...


class Observer(Protocol):
    """Records calls that this process answers and makes."""

    def server_call(self, method: str, context: TraceContext, parent: TraceContext | None) -> Observation:
        """A call came in; `context` is its own position and `parent` the caller's."""
        ...

    def client_call(self, method: str, context: TraceContext, parent: TraceContext | None) -> Observation:
        """A call goes out."""
        ...


class _Nothing:
    def end(self, *, code: str) -> None:
        return None


class SilentObserver:
    """Records nothing: no collector is configured."""

    def __init__(self) -> None:
        self._nothing = _Nothing()

    def server_call(self, method: str, context: TraceContext, parent: TraceContext | None) -> Observation:
        return self._nothing

    def client_call(self, method: str, context: TraceContext, parent: TraceContext | None) -> Observation:
        return self._nothing
