"""The one interceptor: it runs the checks in their order around every handler.

1  observation    around everything, so that refusals are measured and traced too
2  errors         renders whatever the rest raises
3  deadline       around all that may wait
4  peer identity  which service calls, and whether the RPC's rule admits it
5  client details believed from the gateway alone
6  authentication for which person; needs the peer
7  limit          how often; needs the token, or the client's network
8  authorization  workspace, permission, strength and age of the authentication; needs the token
9  message        not read before: who is refused is so without one
10 validation     last, so that only the entitled learn about fields
"""

import asyncio
import contextlib
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import grpc
import structlog
from google.protobuf.message import DecodeError

from libs.rpc import errors
from libs.rpc.authentication import Verifier, authenticate
from libs.rpc.authorization import authorize
from libs.rpc.call import Call, CallContext
from libs.rpc.client_details import client_of
from libs.rpc.deadline import Deadline, seconds_for
from libs.rpc.errors import ErrorTable
from libs.rpc.limits import Limits, count, require_limit
from libs.rpc.peer_identity import admit_peer, peer_of
from libs.rpc.rules import FOREIGN_RULES, Rule
from libs.rpc.validation import validate
from libs.telemetry import trace_context
from libs.telemetry.observer import SILENT, Observer
from wardenry.callers import bearer_of, texts_of
from wardenry.clock import Clock
from wardenry.errors.error import InvalidArgument, PermissionDenied, Unavailable, WardenryError
from wardenry.errors.status import status_of
from wardenry.errors.v1 import reason_pb2

#: Called when a person's role does not allow a call, so that a service can record `permission.denied`.
DeniedHook = Callable[[Call, str], Awaitable[None]]

_Handler = Any  # grpc.RpcMethodHandler, whose attributes the stubs do not know
_Parse = Callable[[bytes], Any]
_Arrival = Callable[[Any], Awaitable[Any]]  # of what is asked, from gRPC's context
_Work = Callable[[Any, CallContext], Awaitable[Any]]
_log = structlog.stdlib.get_logger("libs.rpc")
#: Seconds for which a caller's token counts as good once it was judged. A request that is not late stands within them.
_JUDGED_FOR = 0.1
#: Streams end with their caller.
_NO_DEADLINE = contextlib.nullcontext()


class Interceptor:
    """Checks every call by its RPC's rule."""

    def __init__(
        self,
        *,
        errors: ErrorTable,
        verifier: Verifier,
        clock: Clock,
        observer: Observer,
        limits: Limits,
        trace_ratio: float = 0.0,
        on_denied: DeniedHook | None = None,
    ) -> None:
        self._errors = errors
        self._verifier = verifier
        self._limits = limits
        self._clock = clock
        self._observer = observer
        self._trace_ratio = trace_ratio
        self._on_denied = on_denied
        self._endless: set[asyncio.Task[Any]] = set()
        self._draining = False

    def around(self, handler: _Handler, rule: Rule) -> _Handler:
        """What is served in the place of an RPC's handler: the checks, and the handler inside of them.

        Raises RuleInvalid for an RPC whose calls nothing would count.
        """
        require_limit(rule, self._limits)
        # Without a deserializer: gRPC would parse before any check, and answer what it cannot parse itself.
        serializer = {"response_serializer": handler.response_serializer}
        if handler.request_streaming:
            return grpc.stream_stream_rpc_method_handler(self._streams(handler, rule), **serializer)
        # One message is read here, within a deadline: gRPC would wait for it as long as its caller likes.
        if handler.response_streaming:
            return grpc.stream_stream_rpc_method_handler(self._stream(handler, rule), **serializer)
        return grpc.stream_unary_rpc_method_handler(self._unary(handler, rule), **serializer)

    def end_endless_streams(self) -> None:
        """Ends the streams that would run until their client leaves. For a server that drains."""
        self._draining = True
        for task in tuple(self._endless):
            task.cancel()

    def _unary(self, handler: _Handler, rule: Rule) -> Any:
        parse, handle = handler.request_deserializer, handler.unary_unary

        async def work(message: bytes, context: CallContext) -> Any:
            return await handle(_valid(message, parse), context)

        async def answer(requests: object, context: Any) -> Any:
            return await self._run(rule, work, _message, context, limited=True)

        return answer

    def _stream(self, handler: _Handler, rule: Rule) -> Any:
        parse, handle = handler.request_deserializer, handler.unary_stream

        async def message_of(context: Any) -> bytes:
            with Deadline(seconds_for(context.time_remaining())):
                return await _message(context)

        async def work(message: bytes, context: CallContext) -> None:
            await _write_all(handle(_valid(message, parse), context), context)

        async def answer(requests: object, context: Any) -> None:
            await self._run(rule, work, message_of, context, limited=False)

        return answer

    def _streams(self, handler: _Handler, rule: Rule) -> Any:
        if not handler.response_streaming:
            raise TypeError(f"{rule.method} takes a stream and answers once, which no contract of ours does")

        parse, handle = handler.request_deserializer, handler.stream_stream

        async def answer(requests: AsyncIterator[bytes], context: Any) -> None:
            task = asyncio.current_task()
            assert task is not None  # noqa: S101 - gRPC runs every call in a task

            async def work(requests: AsyncIterator[bytes], context: CallContext) -> None:
                try:
                    await _write_all(handle(_all_valid(requests, parse), context), context)
                except asyncio.CancelledError:
                    if not self._draining:
                        raise
                    task.uncancel()  # gRPC would leave the client without an answer; tell it to go elsewhere
                    raise Unavailable("This server is going away.") from None

            async def all_of(context: Any) -> AsyncIterator[bytes]:
                return requests

            self._endless.add(task)
            try:
                await self._run(rule, work, all_of, context, limited=False, endless=True)
            finally:
                self._endless.discard(task)

        return answer

    async def _run(
        self, rule: Rule, work: _Work, arrival: _Arrival, context: Any, *, limited: bool, endless: bool = False
    ) -> Any:
        metadata = texts_of(context.invocation_metadata() or ())
        parent = trace_context.parse(metadata.get("traceparent", ""))
        if parent is not None:
            position = parent.child()
        else:
            begins = not endless and rule.method not in FOREIGN_RULES
            position = trace_context.new_trace(ratio=self._trace_ratio if begins else 0.0)
        entered = trace_context.enter(position)
        # How long a stream took that ends when its client leaves says nothing of us.
        observation = (SILENT if endless else self._observer).server_call(rule.method, position, parent)
        code = "CANCELLED"
        try:
            with Deadline(seconds_for(context.time_remaining())) if limited else _NO_DEADLINE:
                call = await self._authenticated(rule, context, metadata)
                judged_at = self._clock.monotonic()
                limit = self._limits.get(rule.limit_class)
                if limit is not None:
                    await count(limit, call)
                await self._authorize(call, rule)
                request = await arrival(context)
                if self._clock.monotonic() - judged_at > _JUDGED_FOR:
                    # Kept back meanwhile: what the caller held then may have been taken away, and acknowledged.
                    call = await self._authenticated(rule, context, metadata)
                    await self._authorize(call, rule)
                answer = await work(request, CallContext(call=call, context=context))
            code = "OK"
            return answer
        except grpc.aio.AbortError:
            code = context.code().name
            raise
        except Exception as error:
            refusal = self._refusal(rule.method, error, position=position)
            code = refusal.code.name
            await context.abort_with_status(status_of(refusal))
        finally:
            observation.end(code=code)
            trace_context.leave(entered)

    async def _authenticated(self, rule: Rule, context: Any, metadata: Mapping[str, str]) -> Call:
        peer = peer_of(context)
        admit_peer(peer, rule)
        client = client_of(peer, metadata)
        token, bearer = None, ""
        if rule.for_user:
            bearer = bearer_of(metadata.get("authorization", ""))
            token = await authenticate(self._verifier, bearer, peer=peer, rule=rule)
        return Call(peer=peer, token=token, bearer=bearer, client=client)

    async def _authorize(self, call: Call, rule: Rule) -> None:
        if call.token is None:
            return
        try:
            authorize(call.token, rule, now=self._clock.now())
        except PermissionDenied as denied:
            if denied.reason == reason_pb2.REASON_PERMISSION_DENIED and self._on_denied is not None:
                await self._on_denied(call, rule.method)
            raise

    def _refusal(self, method: str, error: Exception, *, position: trace_context.TraceContext) -> WardenryError:
        refusal = errors.rendered(error, self._errors)
        if refusal is None:
            _log.error("call.failed", method=method, exc_info=error)
            return errors.defect(trace_id=position.trace_id_hex)
        return refusal


async def _write_all(responses: Any, context: Any) -> None:
    """What a streaming handler answers, whether it is a generator or writes by itself, as gRPC's own services do."""
    if not inspect.isasyncgen(responses):
        await responses
        return
    async with contextlib.aclosing(responses):
        async for response in responses:
            await context.write(response)


async def _message(context: Any) -> bytes:
    """The only one. Raises InvalidArgument."""
    message = await context.read()
    if message is grpc.aio.EOF:
        raise InvalidArgument("The request is missing.")
    read: bytes = message
    return read


async def _all_valid(requests: AsyncIterator[bytes], parse: _Parse) -> AsyncIterator[Any]:
    async for request in requests:
        yield _valid(request, parse)


def _valid(request: bytes, parse: _Parse) -> Any:
    """The request, each field of it as its rule says. Raises InvalidArgument."""
    try:
        message = parse(request)
    except DecodeError:
        raise InvalidArgument("The request cannot be parsed.") from None
    validate(message)
    return message
