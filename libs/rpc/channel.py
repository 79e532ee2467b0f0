"""Channels to the peers: the SDK's, with our traces, deadlines, and errors that arrive as the types they left as."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any, Self, cast

import grpc

from libs.telemetry import trace_context
from libs.telemetry.observer import CallObservation, Observer
from libs.telemetry.trace_context import TraceContext
from wardenry.channels import open_channel as open_bare_channel
from wardenry.credentials import TlsFiles
from wardenry.errors.status import from_rpc_error

#: Seconds for a call whose caller names none.
DEFAULT_DEADLINE = 5.0

_Details = grpc.aio.ClientCallDetails


def open_channel(*, target: str, peer: str, tls: TlsFiles, observer: Observer) -> grpc.aio.Channel:
    """A channel to the service `peer` at `target`. Its calls raise wardenry.errors.error types. Raises OSError."""
    bare = open_bare_channel(
        target=target, peer=peer, tls=tls, interceptors=[_StreamInterceptor(peer=peer, observer=observer)]
    )
    return cast("grpc.aio.Channel", _Channel(bare, peer=peer, observer=observer))


def as_user(bearer: str) -> tuple[tuple[str, str], ...]:
    """Metadata of a call on behalf of the person whose token this is."""
    return (("authorization", f"Bearer {bearer}"),)


class _Channel:
    """gRPC's channel, with what is ours put around each RPC once: an interceptor costs a call another task."""

    def __init__(self, channel: grpc.aio.Channel, *, peer: str, observer: Observer) -> None:
        self._channel = channel
        self._peer = peer
        self._observer = observer

    def unary_unary(self, method: str, *coders: Any, **named: Any) -> "_Unary":
        return _Unary(
            self._channel.unary_unary(method, *coders, **named), method, peer=self._peer, observer=self._observer
        )

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)

    async def __aenter__(self) -> Self:
        await self._channel.__aenter__()
        return self

    async def __aexit__(self, *raised: Any) -> None:
        await self._channel.__aexit__(*raised)


class _Unary:
    """One RPC that is asked once and answers once. Calls begin when they are awaited."""

    def __init__(self, call: Callable[..., Awaitable[Any]], method: str, *, peer: str, observer: Observer) -> None:
        self._call = call
        self._method = method
        self._peer = peer
        self._observer = observer

    async def __call__(
        self,
        request: Any,
        *,
        timeout: float | None = None,
        metadata: Iterable[tuple[str, str | bytes]] | None = None,
        **named: Any,
    ) -> Any:
        parent = trace_context.current()
        position = _inside(parent)
        observation = self._observer.client_call(self._method, self._peer, position, parent)
        code = "CANCELLED"
        try:
            answer = await self._call(
                request,
                timeout=DEFAULT_DEADLINE if timeout is None else timeout,
                metadata=(*(metadata or ()), ("traceparent", position.traceparent())),
                **named,
            )
            code = "OK"
            return answer
        except grpc.aio.AioRpcError as error:
            code = error.code().name
            raise from_rpc_error(error) from error
        finally:
            observation.end(code=code)


class _StreamInterceptor(grpc.aio.UnaryStreamClientInterceptor):
    def __init__(self, *, peer: str, observer: Observer) -> None:
        self._peer = peer
        self._observer = observer

    async def intercept_unary_stream(
        self,
        continuation: Callable[[_Details, Any], Awaitable[Any]],
        client_call_details: _Details,
        request: Any,
    ) -> Any:
        parent = trace_context.current()
        position = _inside(parent)
        method = client_call_details.method
        name = method if isinstance(method, str) else method.decode()
        observation = self._observer.client_call(name, self._peer, position, parent)
        metadata = grpc.aio.Metadata(*(client_call_details.metadata or ()))
        metadata.add("traceparent", position.traceparent())
        details = grpc.aio.ClientCallDetails(
            method=client_call_details.method,
            timeout=client_call_details.timeout,
            metadata=metadata,
            credentials=client_call_details.credentials,
            wait_for_ready=client_call_details.wait_for_ready,
        )
        return _rebuilt(await continuation(details, request), observation)


async def _rebuilt(call: Any, observation: CallObservation) -> AsyncIterator[Any]:
    code = "CANCELLED"
    try:
        async for response in call:
            yield response
        code = "OK"
    except grpc.aio.AioRpcError as error:
        code = error.code().name
        raise from_rpc_error(error) from error
    finally:
        observation.end(code=code)


def _inside(parent: TraceContext | None) -> TraceContext:
    """Where in the trace a call is: what its peer is told."""
    return parent.child() if parent else trace_context.new_trace(ratio=0.0)
