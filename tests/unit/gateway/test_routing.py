"""A JSON route reads what its operation says and nothing else, for whom it says, and renders what is answered."""

from typing import Any, cast

import pytest
from msgspec import Struct
from starlette.responses import Response

from libs.ids import SystemEntropy, Uuid7Ids
from services.gateway.api.operation import Acting, Input, Operation, ruled
from services.gateway.api.routing import Call, api_route
from services.gateway.edge.client_address import ClientAddress
from services.gateway.edge.cookies import csrf_token
from services.gateway.edge.limits import EdgeLimits
from services.gateway.edge.visit import Edge
from tests.unit.gateway.requests import request
from wardenry import base64url
from wardenry.clock import SystemClock
from wardenry.tenancy.v1.workspace_pb2 import UpdateWorkspaceRequest, UpdateWorkspaceResponse, Workspace

ORIGIN, KEY, FLOW = "https://id.example", bytes(32), bytes(range(32))
JSON = ("Content-Type", "application/json")
OURS = (
    ("Origin", ORIGIN),
    ("X-CSRF-Token", csrf_token(KEY, FLOW)),
    ("Cookie", f"__Host-flow={base64url.encode(FLOW)}"),
)


class Made(Struct):
    name: str


class Unlimited:
    async def take(self, key: str) -> None:
        return None


def edge() -> Edge:
    clock, entropy = SystemClock(), SystemEntropy()
    nobody = cast(Any, None)  # what is refused or answered here asks no service
    return Edge(
        backends=nobody,
        verifier=nobody,
        client_address=ClientAddress(hops=0),
        limits=EdgeLimits(authentication=Unlimited(), standard=Unlimited()),
        csrf_key=KEY,
        origins=frozenset({ORIGIN}),
        clock=clock,
        entropy=entropy,
        ids=Uuid7Ids(clock=clock, entropy=entropy),
    )


MAKE = Operation(
    name="make",
    method="POST",
    path="/api/v1/things",
    summary="Make a thing",
    body={"name": ruled(UpdateWorkspaceRequest, "name"), "note": Input(required=False)},
    answer=Made,
    status=201,
)
LOOK = Operation(
    name="look",
    method="GET",
    path="/api/v1/things",
    summary="Look at things",
    query={"page": Input(required=False), "size": Input()},
    answer=UpdateWorkspaceResponse,
    cache="public, max-age=5",
)


async def make(call: Call) -> Made:
    return Made(name=call.body["name"] + call.body.get("note", ""))


async def look(call: Call) -> UpdateWorkspaceResponse:
    return UpdateWorkspaceResponse(workspace=Workspace(name=call.query["size"]))


async def sent(body: bytes, *headers: tuple[str, str]) -> Response:
    asked = request(method="POST", path=MAKE.path, headers=[JSON, *headers], chunks=[body])
    answer: Response = await cast(Any, api_route(edge(), MAKE, make)).endpoint(asked)
    return answer


async def looked(query: str) -> Response:
    asked = request(path=LOOK.path, query=query)
    answer: Response = await cast(Any, api_route(edge(), LOOK, look)).endpoint(asked)
    return answer


async def test_what_fits_is_handed_on_and_the_answer_rendered() -> None:
    answer = await sent(b'{"name": "a", "note": "b"}', *OURS)
    assert (answer.status_code, answer.body) == (201, b'{"name":"ab"}')
    answer = await looked("size=3")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "public, max-age=5")
    assert b'"name":"3"' in answer.body


@pytest.mark.parametrize(
    "headers",
    [(), OURS[:2], OURS[1:], (OURS[0], OURS[2]), (("Origin", "https://evil.example"), *OURS[1:])],
    ids=["nothing", "no cookie", "no origin", "no token", "another origin"],
)
async def test_what_another_site_could_send_reaches_no_handler(headers: tuple[tuple[str, str], ...]) -> None:
    answer = await sent(b'{"name": "a"}', *headers)
    assert (answer.status_code, b"PERMISSION_DENIED" in answer.body) == (403, True)


@pytest.mark.parametrize(
    ("body", "field"), [(b'{"name": "a", "owner": "x"}', b"owner"), (b"{}", b"name"), (b'{"name": 1}', b"name")]
)
async def test_another_body_is_refused_by_name(body: bytes, field: bytes) -> None:
    answer = await sent(body, *OURS)
    assert (answer.status_code, field in answer.body) == (400, True)


@pytest.mark.parametrize(
    ("query", "field"), [("size=1&x=1", b"x"), ("", b"size"), ("page=a", b"size"), ("size=1&size=2", b"size")]
)
async def test_another_query_is_refused_by_name(query: str, field: bytes) -> None:
    answer = await looked(query)
    assert (answer.status_code, b'"field":"' + field in answer.body) == (400, True)


@pytest.mark.parametrize("acting", [Acting.PERSON, Acting.MEMBER])
async def test_who_is_not_signed_in_reaches_no_handler(acting: Acting) -> None:
    async def never(call: Call) -> None:
        raise AssertionError(call)

    operation = Operation(
        name="secret",
        method="GET",
        path="/api/v1/workspaces/{workspace_id}/secret",
        summary="A secret",
        acting=acting,
        answer=type(None),
        status=204,
    )
    asked = request(path="/api/v1/workspaces/01a2015e-2e93-7916-8815-39f986201a7f/secret")
    asked.scope["path_params"] = {"workspace_id": "01a2015e-2e93-7916-8815-39f986201a7f"}
    answer = await cast(Any, api_route(edge(), operation, never)).endpoint(asked)
    assert (answer.status_code, b"TOKEN_INVALID" in answer.body) == (401, True)
