"""Every request begins a trace, whatever the visitor says, and its answer says which."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.telemetry import trace_context
from libs.telemetry.observer import Observer

#: Asked every second or so by whoever looks after the process: never sampled.
_HEALTH = "/healthz"


class Tracing:
    """ASGI middleware: measures requests, begins their traces, answers with `traceresponse`. Must stand outermost.

    A visitor's `traceparent` is not believed: whoever sends it would decide what we record, and could put it among the
    spans of others' traces. The span of a sampled request has it as a link (W3C trace context calls this restarting).
    """

    def __init__(self, app: ASGIApp, *, observer: Observer, ratio: float) -> None:
        """`ratio` of the traces is sampled."""
        self._app = app
        self._observer = observer
        self._ratio = ratio

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        position = trace_context.new_trace(ratio=0.0 if scope["path"] == _HEALTH else self._ratio)
        visitor = trace_context.parse(Headers(scope=scope).get("traceparent", "")) if position.sampled else None
        status = 500

        async def send_with_header(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["traceresponse"] = position.traceparent()
            await send(message)

        entered = trace_context.enter(position)
        request = self._observer.request(scope["method"], scope["scheme"], position, visitor)
        try:
            await self._app(scope, receive, send_with_header)
        finally:
            # Starlette leaves the route there that it has found. Never the path: that is the visitor's to choose.
            request.end(route=getattr(scope.get("route"), "path", ""), status=status)
            trace_context.leave(entered)
