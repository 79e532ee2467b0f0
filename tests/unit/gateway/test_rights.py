"""The page about one's data: one state of a copy at a time, an erasure that runs, and the page after it."""

import re
from typing import Any, cast

import httpx2
import pytest
from starlette.responses import Response

from libs.ids import Uuid7Ids
from services.gateway.edge.application import application
from services.gateway.edge.limits import EdgeLimits
from services.gateway.edge.problem import Problem
from services.gateway.edge.rendering import rendered
from services.gateway.edge.sign_in import SignIn
from services.gateway.edge.visit import Visit
from services.gateway.pages.rendering import Pages
from services.gateway.pages.rights import RightsPages, request_id_of
from tests.support.clock import HeldClock
from tests.support.entropy import CountedEntropy
from tests.unit.gateway.test_pages import ORIGIN, Generous, edge_with, page_routes, pages_over, text_of
from wardenry.datarights.v1.request_pb2 import RIGHT_ACCESS, Request

ID = "0192f0c0-0000-7000-8000-000000000002"
IDS = {"access": "0192f0c0-0000-7000-8000-00000000000a", "erasure": "0192f0c0-0000-7000-8000-00000000000e"}
STATES = ("being put together", "is ready", "was downloaded", "no longer kept")


def copy(*moments: str) -> dict[str, Any]:
    request = Request(request_id=ID, right=RIGHT_ACCESS)
    for moment in ("created_at", "due_at", *moments):
        getattr(request, moment).FromSeconds(1_800_000_000)
    return rendered(request)


async def data_page(**values: Any) -> str:
    async def shown(visit: Visit) -> Response:
        given = {"copy": None, "earlier": [], "erasing": False, "obstacles": [], "request_ids": IDS} | values
        return Pages().page(visit, "data.html", here="account", **given)

    async with pages_over(shown) as browser:
        return (await browser.get("/page")).text


@pytest.mark.parametrize(
    ("moments", "state", "buttons"),
    [
        ((), "being put together", 2),
        (("completed_at", "archive_expires_at"), "is ready", 3),
        (("completed_at", "archive_fetched_at"), "was downloaded", 2),
        (("completed_at",), "no longer kept", 2),
    ],
)
async def test_a_copy_is_in_one_state(moments: tuple[str, ...], state: str, buttons: int) -> None:
    main = (await data_page(copy=copy(*moments))).partition("<main")[2]
    shown = re.findall(r'<div class="notice[^>]*role="status"(?![^>]* hidden)[^>]*>(.*?)</div>', main)
    assert len(shown) == 1
    assert [each for each in STATES if each in shown[0]] == [state]
    assert main.count("<button") == buttons


async def test_an_erasure_that_runs_leaves_nothing_to_press() -> None:
    main = (await data_page(copy=copy("completed_at", "archive_expires_at"), erasing=True)).partition("<main")[2]
    assert "You are being erased" in main
    assert "<form" not in main
    assert 'data-ended="/erased"' in main


async def test_each_form_has_an_identifier_of_its_own() -> None:
    shown = await data_page()
    forms = re.findall(r'name="request_id" value="([^"]*)">.*?name="right" value="([^"]*)"', shown, re.DOTALL)
    assert {right: identifier for identifier, right in forms} == IDS


@pytest.mark.parametrize(
    ("form", "status", "kept"),
    [
        ({"right": "access", "request_id": ID}, 504, {"access"}),
        ({"right": "erasure", "request_id": ID}, 503, {"erasure"}),
        ({"right": "access", "request_id": ID}, 401, set()),
        # A download names the copy that it is of.
        ({"request_id": ID}, 504, set()),
        (None, 504, set()),
    ],
)
def test_an_identifier_stays_where_it_is_not_known_what_it_did(
    form: dict[str, str] | None, status: int, kept: set[str]
) -> None:
    ids, problem = Uuid7Ids(clock=HeldClock(), entropy=CountedEntropy()), Problem(status, "X", "x")
    found = {right: request_id_of(ids, right, form=form, problem=problem) for right in IDS}
    assert {right for right, identifier in found.items() if identifier == ID} == kept
    assert len(set(found.values())) == len(IDS)


async def ended(visit: Visit) -> Response:
    raise Problem(401, "TOKEN_INVALID", "Sign in first.")


async def sign_in(visit: Visit) -> Response:
    return Pages().page(visit, "sign_in.html", workspace=None)


@pytest.mark.parametrize(
    ("cookies", "leads_to"),
    [
        ("__Host-refresh=r; __Host-erasure=1", "/erased"),
        ("__Host-refresh=r", "/sign-in"),
        # Whoever comes to this browser later is told nothing of it.
        ("__Host-erasure=1", "/sign-in"),
    ],
)
async def test_a_session_that_an_erasure_ended_leads_to_the_last_page(cookies: str, leads_to: str) -> None:
    async with pages_over(ended) as browser:
        response = await browser.get("/page", headers={"Cookie": cookies})
    assert response.headers["location"] == leads_to
    if leads_to == "/sign-in":
        async with pages_over(sign_in) as browser:
            page = await browser.get("/page", headers={"Cookie": response.headers["set-cookie"].partition(";")[0]})
        # It is no success of anybody's.
        assert re.search(r'<div class="notice" role="status" data-notice="(session-ended|sign-in-first)">', page.text)
        assert "notice good" not in page.text
    forgotten = [each for each in response.headers.get_list("set-cookie") if each.startswith("__Host-erasure=;")]
    assert len(forgotten) == (leads_to == "/erased")


async def test_the_last_page_needs_no_session_and_offers_none() -> None:
    edge, routes = edge_with(EdgeLimits(authentication=Generous(), standard=Generous())), page_routes()
    rights = RightsPages(edge=edge, pages=Pages(), routes=routes, sign_in=cast(SignIn, None))
    app = application(rights.routes(), refusal=routes.refusal)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=ORIGIN) as browser:
        response = await browser.get("/erased", headers={"Cookie": "__Host-refresh=r"})
    assert response.status_code == 200
    assert "There is nothing left to sign in to" in text_of(response)
    assert "<form" not in response.text
