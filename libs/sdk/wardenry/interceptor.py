"""Protects a gRPC server: a verified token and a permission for every method, nothing for any other."""

import contextlib
import inspect
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

import grpc

from wardenry.callers import ProtectedContext, entitled, texts_of
from wardenry.errors.error import PermissionDenied, WardenryError
from wardenry.errors.status import status_of
from wardenry.verifier import TokenVerifier


class ProtectingInterceptor(grpc.aio.ServerInterceptor):
    """Lets a call through when its token is good for this service and its role holds the method's permission."""

    def __init__(
        self, *, verifier: TokenVerifier, audience: str, permissions: Mapping[str, str], public: Collection[str] = ()
    ) -> None:
        self._verifier = verifier
        self._audience = audience
        self._permissions = permissions
        self._public = frozenset(public)

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        handler = await continuation(handler_call_details)
        if handler is None or handler_call_details.method in self._public:
            return handler
        permission = self._permissions.get(handler_call_details.method)
        coders = {
            "request_deserializer": handler.request_deserializer,
            "response_serializer": handler.response_serializer,
        }
        if handler.unary_unary is not None:
            return grpc.unary_unary_rpc_method_handler(self._once(handler.unary_unary, permission), **coders)
        if handler.stream_unary is not None:
            return grpc.stream_unary_rpc_method_handler(self._once(handler.stream_unary, permission), **coders)
        if handler.unary_stream is not None:
            return grpc.unary_stream_rpc_method_handler(self._streaming(handler.unary_stream, permission), **coders)
        return grpc.stream_stream_rpc_method_handler(self._streaming(handler.stream_stream, permission), **coders)

    def _once(self, handler: Any, permission: str | None) -> Any:
        async def answer(request: Any, context: Any) -> Any:
            return await handler(request, await self._protected(context, permission))

        return answer

    def _streaming(self, handler: Any, permission: str | None) -> Any:
        async def answer(request: Any, context: Any) -> None:
            responses = handler(request, await self._protected(context, permission))
            if not inspect.isasyncgen(responses):
                await responses
                return
            async with contextlib.aclosing(responses):
                async for response in responses:
                    await context.write(response)

        return answer

    async def _protected(self, context: Any, permission: str | None) -> ProtectedContext:
        metadata = texts_of(context.invocation_metadata() or ())
        try:
            if permission is None:
                raise PermissionDenied("Nobody may do this.")
            caller = await entitled(
                self._verifier, metadata.get("authorization", ""), audience=self._audience, permission=permission
            )
        except WardenryError as error:
            await context.abort_with_status(status_of(error))
            raise  # not reached: the abort raises
        return ProtectedContext(caller=caller, context=context)
