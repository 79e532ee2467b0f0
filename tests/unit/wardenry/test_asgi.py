"""Which requests the ASGI middleware lets through, and what it asks of them."""

from collections.abc import MutableMapping
from typing import Any

import pytest

from tests.support.issuer import Issuer, Validator
from wardenry.asgi import ProtectedApplication, Receive, Scope, Send
from wardenry.callers import caller_of
from wardenry.tokens import AUDIENCE

PERMISSIONS = {
    "GET /records/{id}": "record.read",
    "GET /records/export": "audit.export",
    "POST /records": "record.write",
}


class Requests:
    """An application behind the middleware, asked by a manager: who may read and write records, and export nothing."""

    def __init__(self) -> None:
        issuer = Issuer()
        self.token = issuer.token()
        self.reached: list[str] = []
        self.application = ProtectedApplication(
            self._answer,
            verifier=Validator(issuer).verifier,
            audience=AUDIENCE,
            permissions=PERMISSIONS,
            public=["GET /health"],
        )

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.reached.append(scope["path"])
        if scope["path"] != "/health":
            assert caller_of(scope).bearer == self.token
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def ask(self, request: str, *headers: tuple[bytes, bytes]) -> int:
        method, _, path = request.partition(" ")
        sent: list[MutableMapping[str, Any]] = []

        async def receive() -> MutableMapping[str, Any]:
            return {"type": "http.request"}

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)

        scope = {"type": "http", "method": method, "path": path, "headers": list(headers)}
        await self.application(scope, receive, send)
        status: int = sent[0]["status"]
        return status

    @property
    def authorization(self) -> tuple[bytes, bytes]:
        return b"authorization", f"Bearer {self.token}".encode()


@pytest.fixture
def requests() -> Requests:
    return Requests()


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        ("GET /records/1", 200),
        ("POST /records", 200),
        ("GET /records/export", 403),
        ("GET /records", 403),
        ("GET /records/", 403),
        ("GET /records/1/", 403),
        ("GET //records/1", 403),
        ("DELETE /records/1", 403),
        ("GET /health/", 403),
    ],
)
async def test_what_a_manager_may(requests: Requests, request_line: str, status: int) -> None:
    assert await requests.ask(request_line, requests.authorization) == status
    assert bool(requests.reached) == (status == 200)


async def test_without_one_token_only_what_is_public_answers(requests: Requests) -> None:
    assert await requests.ask("GET /health") == 200
    assert await requests.ask("GET /records/1") == 401
    assert await requests.ask("GET /records/1", requests.authorization, requests.authorization) == 401
    assert await requests.ask("GET /records/1", (b"authorization", b"Basic YTpi")) == 401
    assert requests.reached == ["/health"]
