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
        interceptors=[
            _UnaryInterceptor(peer=peer, observer=observer),
            _StreamInterceptor(peer=peer, observer=observer),
        ],
    )


def as_user(bearer: str) -> tuple[tuple[str, str], ...]:
    """Metadata of a call on behalf of the person whose token this is."""
    return (("authorization", f"Bearer {bearer}"),)


class _UnaryInterceptor(grpc.aio.UnaryUnaryClientInterceptor):
    def __init__(self, *, peer: str, observer: Observer) -> None:
        self._peer = peer
        self._observer = observer

    async def intercept_unary_unary(
        self,
        continuation: Callable[[_Details, Any], Awaitable[Any]],
        client_call_details: _Details,
        request: Any,
    ) -> Any:
        observed = _Observed(self._observer, self._peer, client_call_details)
        try:
            call = await continuation(observed.details(DEFAULT_DEADLINE), request)
            answer = await call
            observed.code = "OK"
            return answer
        except grpc.aio.AioRpcError as error:
            raise observed.failed(error) from error
        finally:
            observed.end()


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
        observed = _Observed(self._observer, self._peer, client_call_details)
        return _rebuilt(await continuation(observed.details(None), request), observed)


async def _rebuilt(call: Any, observed: "_Observed") -> AsyncIterator[Any]:
    try:
        async for response in call:
            yield response
        observed.code = "OK"
    except grpc.aio.AioRpcError as error:
        raise observed.failed(error) from error
    finally:
        observed.end()


class _Observed:
    """A call on its way, in the running task's trace."""

    def __init__(self, observer: Observer, peer: str, details: _Details) -> None:
        parent = trace_context.current()
        self._details = details
        self._position = parent.child() if parent else trace_context.new_trace(ratio=0.0)
        method = details.method if isinstance(details.method, str) else details.method.decode()
        self._observation = observer.client_call(method, peer, self._position, parent)
        #: How it ended.
        self.code = "CANCELLED"

    def details(self, deadline: float | None) -> _Details:
        """What the peer is told: where in the trace it is called, and until when it has time."""
        metadata = grpc.aio.Metadata(*(self._details.metadata or ()))
        metadata.add("traceparent", self._position.traceparent())
        return grpc.aio.ClientCallDetails(
            method=self._details.method,
            timeout=deadline if self._details.timeout is None else self._details.timeout,
            metadata=metadata,
            credentials=self._details.credentials,
            wait_for_ready=self._details.wait_for_ready,
        )

    def failed(self, error: grpc.aio.AioRpcError) -> Exception:
        """The error that its caller is told."""
        self.code = error.code().name
        return from_rpc_error(error)

    def end(self) -> None:
        self._observation.end(code=self.code)
