"""Security headers stand on every answer, and HTTPS is not pinned where that would break a developer's machine."""

from collections.abc import Callable

import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from services.gateway.edge.application import application
from services.gateway.edge.problem import Problem

ALWAYS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}


async def shown(request: Request) -> Response:
    return PlainTextResponse("shown")


async def broken(request: Request) -> Response:
    raise RuntimeError("the password is hunter2")


def refusal(request: Request, problem: Problem) -> Response:
    return HTMLResponse("a page", problem.status)


def unrendered(request: Request, problem: Problem) -> Response:
    raise LookupError("no template has this name: hunter2")


async def get(
    url: str,
    *,
    method: str = "GET",
    accept: str = "*/*",
    refusal: Callable[[Request, Problem], Response] = refusal,
) -> httpx2.Response:
    routes = [Route("/shown", shown), Route("/broken", broken), Route("/kept", kept)]
    app = application(routes, refusal=refusal)
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport) as client:
        return await client.request(method, url, headers={"Accept": accept})


async def kept(request: Request) -> Response:
    return PlainTextResponse("kept", headers={"Cache-Control": "public, max-age=300"})


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/shown", "GET", 200),
        ("/static/style.css", "GET", 200),
        ("/healthz", "GET", 200),
        ("/nothing", "GET", 404),
        ("/static/../config.py", "GET", 404),
        ("/static/%2e%2e/%2e%2e/config.py", "GET", 404),
        ("/shown", "DELETE", 405),
        ("/broken", "GET", 500),
    ],
)
async def test_every_answer_carries_them(path: str, method: str, status: int) -> None:
    response = await get(f"https://id.example.com{path}", method=method)
    assert response.status_code == status
    assert ALWAYS.items() <= dict(response.headers).items()
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert response.headers["cache-control"] == ("no-cache" if path == "/static/style.css" else "no-store")
    assert int(response.headers["strict-transport-security"].removeprefix("max-age=").partition(";")[0]) >= 31_536_000


async def test_a_defect_is_told_without_what_it_knew() -> None:
    response = await get("https://id.example.com/broken")
    assert response.json()["reason"] == "INTERNAL"
    assert "hunter2" not in response.text


@pytest.mark.parametrize("path", ["/broken", "/nothing"])
async def test_people_get_json_with_every_header_where_the_page_of_a_refusal_fails_itself(
    path: str, caplog: pytest.LogCaptureFixture
) -> None:
    response = await get(f"https://id.example.com{path}", accept="text/html", refusal=unrendered)
    assert (response.status_code, response.json()["reason"]) == (500, "INTERNAL")
    assert "hunter2" not in response.text
    assert ALWAYS.items() <= dict(response.headers).items()
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert response.headers["cache-control"] == "no-store"
    assert "strict-transport-security" in response.headers
    assert "no template has this name" in caplog.text


@pytest.mark.parametrize(
    "origin",
    [
        "http://id.example.com",
        "https://localhost",
        "https://localhost:8443",
        "https://LOCALHOST:8443",
        "https://app.localhost",
        "https://127.0.0.1:8443",
        "https://127.1",
        "https://0x7f.1",
        "https://2130706433",
        "https://[::1]:8443",
        "https://[2001:db8::1]",
    ],
)
async def test_https_is_never_pinned_for_this_machine_or_an_address_or_over_http(origin: str) -> None:
    assert "strict-transport-security" not in (await get(f"{origin}/shown")).headers


@pytest.mark.parametrize("origin", ["https://id.example.com", "https://id.example.com:8443", "https://intranet"])
async def test_https_is_pinned_for_names(origin: str) -> None:
    assert "strict-transport-security" in (await get(f"{origin}/shown")).headers


async def test_an_answer_may_be_kept_where_it_says_so() -> None:
    assert (await get("https://id.example.com/kept")).headers["cache-control"] == "public, max-age=300"


async def test_nobody_is_sent_on_to_the_host_that_a_request_names() -> None:
    response = await get("https://evil.example/shown/")
    assert response.status_code == 404
    assert "location" not in response.headers


async def test_people_get_a_page_where_nothing_is_and_programs_get_json() -> None:
    html = "text/html,application/xhtml+xml"
    assert (await get("https://id.example.com/nothing", accept=html)).text == "a page"
    assert (await get("https://id.example.com/nothing")).json()["reason"] == "NOT_FOUND"
    assert (await get("https://id.example.com/api/v1/nothing", accept=html)).json()["reason"] == "NOT_FOUND"
    posted = await get("https://id.example.com/shown", accept=html, method="POST")
    assert set(posted.headers["allow"].split(", ")) == {"GET", "HEAD"}
