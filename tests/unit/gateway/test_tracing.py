"""Requests begin traces, by the gateway's own coin, and answers say which."""

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from libs.telemetry import trace_context
from services.gateway.edge.tracing import Tracing
from tests.support.spans import KeepingObserver

VISITOR = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


async def shown(request: Request) -> Response:
    return PlainTextResponse(trace_context.current_traceparent())


async def broken(request: Request) -> Response:
    raise RuntimeError


async def get(
    observer: KeepingObserver, path: str, *, ratio: float, headers: dict[str, str] | None = None
) -> httpx2.Response:
    app = Starlette(routes=[Route("/shown/{name}", shown), Route("/broken", broken), Route("/healthz", shown)])
    transport = httpx2.ASGITransport(app=Tracing(app, observer=observer, ratio=ratio), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport) as client:
        return await client.get(f"https://id.example.com{path}", headers=headers or {})


async def test_the_answer_names_the_trace_that_the_handler_is_in() -> None:
    response = await get(KeepingObserver(), "/shown/x", ratio=1.0)
    assert response.headers["traceresponse"] == response.text
    assert trace_context.current() is None


async def test_a_sampled_request_is_a_span_by_its_route_alone() -> None:
    observer = KeepingObserver()
    await get(observer, "/shown/somebody?code=12345678", ratio=1.0)
    (span,) = observer.kept
    assert (span.name, span.parent_id) == ("GET /shown/{name}", 0)
    assert "somebody" not in str(span.values)
    assert "12345678" not in str(span.values)


@pytest.mark.parametrize("ratio", [0.0, 1.0])
async def test_a_visitor_neither_forces_a_trace_nor_chooses_it(ratio: float) -> None:
    observer = KeepingObserver()
    response = await get(observer, "/shown/x", ratio=ratio, headers={"traceparent": VISITOR})
    _, trace_id, _, flags = VISITOR.split("-")
    assert trace_id not in response.headers["traceresponse"]
    assert response.headers["traceresponse"].endswith(flags if ratio else "00")
    assert [span.linked for span in observer.kept] == ([(int(trace_id, 16),)] if ratio else [])


@pytest.mark.parametrize("header", ["", "rubbish", VISITOR[:-1], VISITOR + "\x00", "0" * 5000])
async def test_rubbish_is_no_link(header: str) -> None:
    observer = KeepingObserver()
    await get(observer, "/shown/x", ratio=1.0, headers={"traceparent": header})
    assert [span.linked for span in observer.kept] == [()]


@pytest.mark.parametrize(("path", "name", "status"), [("/broken", "GET /broken", 500), ("/nothing", "GET", 404)])
async def test_every_end_of_a_request_is_recorded(path: str, name: str, status: int) -> None:
    observer = KeepingObserver()
    response = await get(observer, path, ratio=1.0)
    assert (response.status_code, "traceresponse" in response.headers) == (status, True)
    (span,) = observer.kept
    assert (span.name, span.values["http.response.status_code"], span.failed) == (name, status, status == 500)


async def test_health_checks_are_measured_and_never_sampled() -> None:
    observer = KeepingObserver()
    await get(observer, "/healthz", ratio=1.0)
    assert observer.kept == []
    (series,) = observer.series("http.server.request.duration")
    assert series.count == 1
