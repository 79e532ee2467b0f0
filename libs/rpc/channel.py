"""Channels to the peers: the SDK's, with our traces, deadlines, and errors that arrive as the types they left as."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc

from libs.telemetry import trace_context
from libs.telemetry.observer import Observer
from wardenry.channels import open_channel as open_bare_channel
from wardenry.credentials import TlsFiles
from wardenry.errors.status import from_rpc_error

#: Seconds for a call whose caller names none.
DEFAULT_DEADLINE = 5.0

_Details = grpc.aio.ClientCallDetails


def open_channel(*, target: str, peer: str, tls: TlsFiles, observer: Observer) -> grpc.aio.Channel:
    """A channel to the service `peer` at `target`. Its calls raise wardenry.errors.error types. Raises OSError."""
    return open_bare_channel(
        target=target,
        peer=peer,
        tls=tls,
        interceptors=[_UnaryInterceptor(observer=observer), _StreamInterceptor()],
    )


def as_user(bearer: str) -> tuple[tuple[str, str], ...]:
    """Metadata of a call on behalf of the person whose token this is."""
    return (("authorization", f"Bearer {bearer}"),)


class _UnaryInterceptor(grpc.aio.UnaryUnaryClientInterceptor):
    def __init__(self, *, observer: Observer) -> None:
        self._observer = observer

    async def intercept_unary_unary(
        self,
        continuation: Callable[[_Details, Any], Awaitable[Any]],
        client_call_details: _Details,
        request: Any,
    ) -> Any:
        parent = trace_context.current()
        position = parent.child() if parent else trace_context.new_trace(ratio=0.0)
        method = client_call_details.method
        observation = self._observer.client_call(
            method if isinstance(method, str) else method.decode(), position, parent
        )
        code = "CANCELLED"
        try:
            call = await continuation(_detailed(client_call_details, position, DEFAULT_DEADLINE), request)
            answer = await call
            code = "OK"
            return answer
        except grpc.aio.AioRpcError as error:
            code = error.code().name
            raise from_rpc_error(error) from error
        finally:
            observation.end(code=code)


class _StreamInterceptor(grpc.aio.UnaryStreamClientInterceptor):
    async def intercept_unary_stream(
        self,
        continuation: Callable[[_Details, Any], Awaitable[Any]],
        client_call_details: _Details,
        request: Any,
    ) -> Any:
        parent = trace_context.current()
        position = parent.child() if parent else trace_context.new_trace(ratio=0.0)
        return _rebuilt(await continuation(_detailed(client_call_details, position, None), request))


async def _rebuilt(call: Any) -> AsyncIterator[Any]:
    try:
        async for response in call:
            yield response
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(error) from error


def _detailed(details: _Details, position: trace_context.TraceContext, deadline: float | None) -> _Details:
    metadata = grpc.aio.Metadata(*(details.metadata or ()))
    metadata.add("traceparent", position.traceparent())
    return grpc.aio.ClientCallDetails(
        method=details.method,
        timeout=deadline if details.timeout is None else details.timeout,
        metadata=metadata,
        credentials=details.credentials,
        wait_for_ready=details.wait_for_ready,
    )
