"""Pages without the services behind them: refusals with a way on, notices that nobody else can write, static files."""

import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from html import unescape
from typing import cast

import httpx2
import pytest
from google.protobuf.message import Message
from starlette.responses import Response

from libs.ids import Ids
from libs.rpc.validation import validate
from services.gateway.clients.backends import Backends
from services.gateway.edge.application import application
from services.gateway.edge.client_address import ClientAddress
from services.gateway.edge.cookies import csrf_token
from services.gateway.edge.limits import EdgeLimits
from services.gateway.edge.problem import Problem, Violation
from services.gateway.edge.visit import Edge, Visit
from services.gateway.pages.fields import FIELDS, errors_of
from services.gateway.pages.notice import Notice
from services.gateway.pages.rendering import Pages
from services.gateway.pages.routing import PageRoutes, done
from tests.support.clock import HeldClock
from tests.support.entropy import CountedEntropy
from tests.unit.gateway.requests import request
from wardenry import base64url
from wardenry.errors.error import Aborted, DeadlineExceeded, InvalidArgument, Unavailable
from wardenry.identity.v1.registration_pb2 import RegisterRequest
from wardenry.tenancy.v1.workspace_pb2 import CreateWorkspaceRequest
from wardenry.verifier import TokenVerifier

SUBJECT = "0192f0c0-0000-7000-8000-000000000002"
ORIGIN = "https://id.example.com"
HOSTILE = "<img src=x onerror=alert(1)>"


class Generous:
    async def take(self, key: str) -> timedelta | None:
        return None


def edge_with(limits: EdgeLimits) -> Edge:
    return Edge(
        backends=cast(Backends, None),
        verifier=cast(TokenVerifier, None),
        client_address=ClientAddress(hops=0),
        limits=limits,
        csrf_key=bytes(32),
        origins=frozenset({ORIGIN}),
        clock=HeldClock(),
        entropy=CountedEntropy(),
        ids=cast(Ids, None),
    )


def page_routes() -> PageRoutes:
    limits = EdgeLimits(authentication=Generous(), standard=Generous())
    return PageRoutes(edge=edge_with(limits), pages=Pages())


def pages_over(handler: Callable[[Visit], Awaitable[Response]]) -> httpx2.AsyncClient:
    """A browser of a site with one page, /page."""
    routes = page_routes()
    app = application([routes.show("/page", handler)], refusal=routes.refusal)
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx2.AsyncClient(transport=transport, base_url=ORIGIN, headers={"Accept": "text/html"})


def text_of(response: httpx2.Response) -> str:
    main = response.text.partition("<main")[2].partition("</main>")[0]
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", main.partition(">")[2])).split())


@pytest.mark.parametrize(
    ("refusal", "status", "heading", "wait"),
    [
        (Problem(403, "PERMISSION_DENIED", "Your role does not allow this."), 403, "Not allowed", ""),
        (Aborted("Busy.", retry_after=timedelta(seconds=1.2)), 409, "That cannot be done now", "2\xa0seconds"),
        (Problem(429, "RATE_LIMITED", "x", retry_after=timedelta(minutes=3)), 429, "Too many requests", "3\xa0minutes"),
        (Unavailable("The database does not answer."), 503, "Not available just now", "1\xa0second."),
        (DeadlineExceeded("The deadline passed."), 504, "Not available just now", ""),
        (RuntimeError("the password is hunter2"), 500, "Something went wrong", ""),
    ],
)
async def test_a_refused_page_says_what_happened_and_where_to_go(
    refusal: Exception, status: int, heading: str, wait: str
) -> None:
    async def refused(visit: Visit) -> Response:
        raise refusal

    async with pages_over(refused) as browser:
        response = await browser.get("/page?page=2&x=%3Cb%3E")
    assert response.status_code == status
    assert f"<h1>{heading}</h1>" in response.text
    if wait:
        assert f"Try again in {wait}" in unescape(response.text)
        assert int(response.headers["retry-after"]) >= 1
    again = '<a class="button" href="/page?page=2&amp;x=%3Cb%3E">Try again</a>'
    assert (again in response.text) == (status != 403)
    assert '<a class="button quiet" href="/">To the start</a>' in response.text
    assert "database" not in response.text
    assert "hunter2" not in response.text


def test_a_refusal_leads_to_no_other_host() -> None:
    problem = Problem(503, "DEPENDENCY_UNAVAILABLE", "away", retry_after=timedelta(seconds=1))
    page = bytes(page_routes().refusal(request(path="//evil.example/", query="a=b"), problem).body).decode()
    assert '<a class="button" href="/evil.example/?a=b">Try again</a>' in page
    assert not re.search(r'href="(//|http)', page)


async def test_people_get_no_names_of_fields_that_are_no_fields_of_theirs() -> None:
    async def refused(visit: Visit) -> Response:
        raise Problem(400, "X", "filter.actions[0]: no", violations=(Violation("filter.actions[0]", "no"),))

    async with pages_over(refused) as browser:
        assert "filter.actions" not in (await browser.get("/page")).text


def shows(*, named: Mapping[str, str]) -> Callable[[Visit], Awaitable[Response]]:
    """A handler: changes a role with ?do, else shows a page that knows these names."""
    pages = Pages()

    async def handler(visit: Visit) -> Response:
        if "do" in visit.request.query_params:
            return done(visit, "/page", Notice.ROLE_CHANGED, SUBJECT)
        return pages.page(visit, "home.html", named=named)

    return handler


async def test_a_notice_is_said_once_and_is_announced() -> None:
    async with pages_over(shows(named={SUBJECT: HOSTILE})) as browser:
        answer = await browser.get("/page?do=it")
        assert (answer.status_code, answer.headers["location"]) == (303, "/page")
        assert SUBJECT not in answer.headers["location"]
        first, second = await browser.get("/page"), await browser.get("/page")
    assert '<div class="notice good" role="status" data-notice="role-changed">The role of <bdi>&lt;img' in first.text
    assert text_of(first).startswith(f"The role of {HOSTILE} is changed.")
    assert 'class="notice' not in second.text


async def test_a_notice_waits_for_a_page_that_somebody_sees() -> None:
    async with pages_over(shows(named={})) as browser:
        await browser.get("/page?do=it")
        fetched = await browser.get("/page", headers={"Sec-Fetch-Dest": "empty"})
        seen, again = [await browser.get("/page", headers={"Sec-Fetch-Dest": "document"}) for _ in range(2)]
    assert "set-cookie" not in fetched.headers or "__Host-notice" not in fetched.headers["set-cookie"]
    assert ['class="notice' in response.text for response in (fetched, seen, again)] == [False, True, False]


async def test_a_notice_names_only_what_its_page_knows() -> None:
    async with pages_over(shows(named={})) as browser:
        await browser.get("/page?do=it")
        assert text_of(await browser.get("/page")).startswith("The role is changed.")


@pytest.mark.parametrize(
    "cookie",
    [
        "",
        HOSTILE,
        "unknown-word",
        "role-changed.",
        f"role-changed.{HOSTILE}",
        f"x{SUBJECT}",
        "role-changed." + "a" * 40,
    ],
)
async def test_nobody_else_writes_a_notice(cookie: str) -> None:
    async with pages_over(shows(named={})) as browser:
        response = await browser.get("/page?notice=invited&done=Hello", headers={"Cookie": f"__Host-notice={cookie}"})
    assert response.status_code == 200
    assert 'class="notice' not in response.text
    assert "Hello" not in response.text


async def test_what_is_wrong_stands_beside_its_field_in_words_and_what_was_typed_is_kept() -> None:
    problem = Problem(
        400,
        "FIELD_INVALID",
        "slug: does not match regex pattern `^[a-z0-9]$`",
        violations=(Violation("slug", "does not match regex pattern `^[a-z0-9]$`"),),
    )
    typed = {"name": 'Atlas "& Sons"', "slug": "Not A Slug"}
    subject = {"display_name": "Ana", "address": "ana@example.com"}
    pages = Pages()

    async def shown(visit: Visit) -> Response:
        return pages.page(
            visit,
            "workspaces.html",
            subject=subject,
            workspaces=[],
            workspace_id=SUBJECT,
            page="",
            next_page="",
            problem=problem,
            form=typed,
        )

    async with pages_over(shown) as browser:
        response = await browser.get("/page")
    assert response.status_code == 400
    assert "regex" not in response.text
    assert '<span id="slug-error" class="field-error">3 to 40 small letters' in response.text
    (field,) = re.findall(r'<input id="slug"[^>]*>', response.text)
    for attribute in ('value="Not A Slug"', 'aria-invalid="true"', 'aria-describedby="slug-error"', "autofocus"):
        assert attribute in field
    assert 'value="Atlas &#34;&amp; Sons&#34;"' in response.text
    assert 'role="alert">Short name: 3 to 40 small letters' in response.text
    assert "<title>Not done: " in response.text


@pytest.mark.parametrize(
    ("error", "typed", "field"),
    [
        (Problem(401, "CODE_INVALID", "The code is wrong."), {"code": "1"}, "code"),
        (Problem(409, "ALREADY_EXISTS", "This short name is taken."), {"slug": "a"}, "slug"),
        (
            Problem(400, "PASSWORD_WEAK", "Guessed.", metadata={"feedback": "Add words."}),
            {"new_password": ""},
            "new_password",
        ),
        (Problem(401, "CREDENTIALS_INVALID", "Address or password is wrong."), {"password": ""}, "password"),
    ],
)
def test_a_refusal_that_names_no_field_is_told_at_the_one_that_it_is_about(
    error: Problem, typed: dict[str, str], field: str
) -> None:
    assert list(errors_of(error, typed)) == [field]
    assert errors_of(error, {}) == {}


def test_a_wrong_sign_in_does_not_say_which_of_the_two_was_wrong() -> None:
    error = Problem(401, "CREDENTIALS_INVALID", "Address or password is wrong.")
    assert errors_of(error, {"address": "a@example.com", "password": "x"}) == {}


async def test_a_form_that_comes_too_often_is_shown_again_with_what_was_typed() -> None:
    class Never:
        async def take(self, key: str) -> timedelta | None:
            return timedelta(seconds=9)

    asked: list[str] = []
    pages = Pages()

    async def enter(visit: Visit, fields: dict[str, str]) -> Response:
        asked.append(fields["address"])
        return pages.page(visit, "home.html")

    async def again(visit: Visit, fields: dict[str, str], problem: Problem) -> Response:
        return pages.page(visit, "sign_in.html", workspace=None, form=fields, problem=problem)

    edge = edge_with(EdgeLimits(authentication=Never(), standard=Generous()))
    routes = PageRoutes(edge=edge, pages=pages)
    app = application([routes.submit("/in", enter, again=again, authentication=True)], refusal=routes.refusal)
    flow = base64url.encode(bytes(32))
    headers = {"Origin": ORIGIN, "Cookie": f"__Host-flow={flow}"}
    form = {"address": "ana@example.com", "password": "x", "csrf_token": csrf_token(bytes(32), bytes(32))}
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=ORIGIN) as browser:
        response = await browser.post("/in", data=form, headers=headers)
        forged = await browser.post("/in", data=form | {"csrf_token": "x"}, headers=headers)
    assert (response.status_code, response.headers["retry-after"], asked) == (429, "9", [])
    assert 'value="ana@example.com"' in response.text
    assert "Try again in 9" in response.text
    assert forged.status_code == 403
    assert "ana@example.com" not in forged.text


async def test_static_files_are_kept_by_their_content_and_pages_never() -> None:
    async with pages_over(shows(named={})) as browser:
        page = await browser.get("/page")
        (style,) = re.findall(r'<link rel="stylesheet" href="([^"]*)">', page.text)
        named, plain, old = [await browser.get(url) for url in (style, "/static/style.css", "/static/style.css?0123")]
    assert page.headers["cache-control"] == "no-store"
    assert "content-encoding" not in page.headers
    assert named.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert named.headers["content-encoding"] == "gzip"
    assert plain.headers["cache-control"] == old.headers["cache-control"] == "no-cache"
    assert named.text == plain.text == old.text


@pytest.mark.parametrize(
    ("field", "asks"),
    [
        ("slug", lambda text: CreateWorkspaceRequest(slug=text)),
        ("name", lambda text: CreateWorkspaceRequest(name=text)),
        ("display_name", lambda text: RegisterRequest(display_name=text)),
    ],
)
def test_the_rule_that_browsers_know_is_the_contracts(field: str, asks: Callable[[str], Message]) -> None:
    pattern = re.compile(FIELDS[field].attributes["pattern"])
    typed = ["", "a", "ab", "abc", "-ab", "ab-", "a-b", "a_b", "Abc", "aé", "a" * 40, "a" * 41, "a" * 100, "a" * 101]
    for text in [*typed, "a" * 128, "a" * 129, "\N{SMILING FACE WITH SUNGLASSES}" * 100, "مساحة"]:
        with pytest.raises(InvalidArgument) as refused:
            validate(asks(text))  # other fields are missing, so there is always something wrong
        named = {violation.field for violation in refused.value.violations}
        assert (pattern.fullmatch(text) is None) == (field in named), text
