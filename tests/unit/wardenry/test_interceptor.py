"""Which gRPC methods the SDK's interceptor lets through, and what it asks of them."""

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from tests.support.issuer import Issuer, Validator
from wardenry.callers import ProtectedContext, caller_of
from wardenry.interceptor import ProtectingInterceptor
from wardenry.tokens import AUDIENCE

READ, EXPORT, UNLISTED, PUBLIC = (f"/records.v1.Records/{name}" for name in ("Read", "Export", "Drop", "Ping"))
PERMISSIONS = {READ: "record.read", EXPORT: "audit.export"}


class Ended(Exception):
    """The call was ended with a status."""


class Context:
    """gRPC's, as far as the interceptor asks for it."""

    def __init__(self, *metadata: tuple[str, str | bytes]) -> None:
        self.metadata = metadata
        self.written: list[object] = []

    def invocation_metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        return self.metadata

    async def abort_with_status(self, status: grpc.Status) -> None:
        raise Ended(status.code)

    async def write(self, message: object) -> None:
        self.written.append(message)


async def _once(request: object, context: Any) -> object:
    return caller_of(context).token.role if isinstance(context, ProtectedContext) else "nobody"


async def _several(request: object, context: Any) -> AsyncIterator[object]:
    yield await _once(request, context)


HANDLERS: dict[str, Any] = {
    "unary_unary": grpc.unary_unary_rpc_method_handler(_once),
    "stream_unary": grpc.stream_unary_rpc_method_handler(_once),
    "unary_stream": grpc.unary_stream_rpc_method_handler(_several),
    "stream_stream": grpc.stream_stream_rpc_method_handler(_several),
}


class Call:
    """One call of a method, by a manager: who may read records, and export nothing."""

    def __init__(self) -> None:
        issuer = Issuer()
        self.authorization = ("authorization", f"Bearer {issuer.token()}")
        self._interceptor = ProtectingInterceptor(
            verifier=Validator(issuer).verifier, audience=AUDIENCE, permissions=PERMISSIONS, public=[PUBLIC]
        )

    async def __call__(self, method: str, *metadata: tuple[str, str | bytes], kind: str = "unary_unary") -> object:
        async def continuation(details: object) -> Any:
            return HANDLERS[kind]

        details: Any = type("Details", (), {"method": method})()
        handler = await self._interceptor.intercept_service(continuation, details)
        context = Context(*metadata)
        answer = getattr(handler, kind)(object(), context)
        return await answer if kind.endswith("unary") else await self._streamed(answer, context)

    async def _streamed(self, answer: Any, context: Context) -> object:
        if hasattr(answer, "__aiter__"):  # let through as it is
            return await anext(answer)
        await answer
        return context.written[0]


@pytest.fixture
def call() -> Call:
    return Call()


@pytest.mark.parametrize("kind", HANDLERS)
async def test_every_kind_of_method_is_protected(call: Call, kind: str) -> None:
    assert await call(READ, call.authorization, kind=kind) == "manager"
    assert await call(PUBLIC, kind=kind) == "nobody"
    for method, code in ((EXPORT, grpc.StatusCode.PERMISSION_DENIED), (UNLISTED, grpc.StatusCode.PERMISSION_DENIED)):
        with pytest.raises(Ended) as ended:
            await call(method, call.authorization, kind=kind)
        assert ended.value.args == (code,)
    with pytest.raises(Ended) as ended:
        await call(READ, kind=kind)
    assert ended.value.args == (grpc.StatusCode.UNAUTHENTICATED,)


async def test_two_tokens_or_one_in_bytes_are_none(call: Call) -> None:
    name, value = call.authorization
    for metadata in (
        [call.authorization, call.authorization],
        [(f"{name}-bin", value.encode())],
        [(name, value.encode())],
    ):
        with pytest.raises(Ended) as ended:
            await call(READ, *metadata)
        assert ended.value.args == (grpc.StatusCode.UNAUTHENTICATED,)
