"""The link to a workspace: what it shows to a stranger, to a member whose browser has not opened it, and to others."""

import re
import ssl
from collections.abc import AsyncIterator

import httpx2
import pytest

from tests.support.people import People, Person
from tests.support.running_stack import running


@pytest.fixture
async def window(people: People) -> AsyncIterator[httpx2.AsyncClient]:
    """A browser that nobody is signed in with."""
    here = running(people.stack)
    context = ssl.create_default_context(cafile=str(here.edge_ca_file))
    async with httpx2.AsyncClient(
        base_url=here.https, verify=context, headers={"Origin": here.https}, timeout=30
    ) as made:
        yield made


async def token(window: httpx2.AsyncClient) -> str:
    shown: str = (await window.get("/api/v1/csrf")).json()["csrf_token"]
    return shown


async def sign_in(window: httpx2.AsyncClient, person: Person) -> None:
    form = {"csrf_token": await token(window), "address": person.address, "password": person.password}
    assert (await window.post("/sign-in", data=form)).headers["location"] == "/workspaces"


@pytest.mark.parametrize("page", ["", "/audit"])
async def test_a_stranger_is_led_to_the_sign_in_of_the_workspace(
    people: People, window: httpx2.AsyncClient, page: str
) -> None:
    owner = await people.person()
    workspace = await people.workspace(owner)
    answer = await window.get(f"/w/{workspace.slug}{page}")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/w/{workspace.slug}/sign-in")
    form = {"csrf_token": await token(window), "address": owner.address, "password": owner.password}
    answer = await window.post(f"/w/{workspace.slug}/sign-in", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/w/{workspace.slug}")
    assert (await window.get(f"/w/{workspace.slug}{page}")).status_code == 200


@pytest.mark.parametrize("page", ["", "/audit"])
async def test_a_member_opens_it_with_one_click_and_by_no_visit(
    people: People, window: httpx2.AsyncClient, page: str
) -> None:
    owner = await people.person()
    workspace = await people.workspace(owner)
    await sign_in(window, owner)
    there = f"/w/{workspace.slug}{page}"
    for _ in range(2):
        offered = await window.get(there)
        assert offered.status_code == 200
        assert "set-cookie" not in offered.headers
        assert owner.address not in offered.text
    found = re.search(rf'action="({there}/open)"><input type="hidden" name="csrf_token" value="([^"]+)"', offered.text)
    assert found is not None
    opened = await window.post(found.group(1), data={"csrf_token": found.group(2)})
    assert (opened.status_code, opened.headers["location"]) == (303, there)
    shown = await window.get(there)
    assert shown.status_code == 200
    assert 'aria-label="Workspace"' in shown.text


@pytest.mark.parametrize("page", ["", "/audit"])
async def test_a_workspace_of_others_is_like_none(people: People, window: httpx2.AsyncClient, page: str) -> None:
    owner, other = await people.person("ana"), await people.person("ben")
    workspace = await people.workspace(owner)
    await sign_in(window, other)
    csrf = {"csrf_token": await token(window)}
    answers = []
    for slug in (workspace.slug, "no-such-workspace"):
        looked = await window.get(f"/w/{slug}{page}")
        tried = await window.post(f"/w/{slug}{page}/open", data=csrf)
        changed = await window.post(f"/w/{slug}/name", data=csrf | {"name": "Mine"})
        assert (looked.status_code, tried.status_code) == (404, 404)
        assert (changed.status_code, changed.headers["location"]) == (303, f"/w/{slug}")
        answers.append([(each.text, sorted({*each.headers} - {"traceresponse"})) for each in (looked, tried)])
    assert answers[0] == answers[1]


async def test_the_tab_of_the_log_is_for_those_who_may_read_it(people: People, window: httpx2.AsyncClient) -> None:
    owner, guest = await people.person("ana"), await people.person("ben")
    workspace = await people.workspace(owner)
    await people.join(workspace, owner, guest)
    for person, has in ((owner, True), (guest, False)):
        window.cookies.clear()
        await sign_in(window, person)
        await window.post(f"/w/{workspace.slug}/open", data={"csrf_token": await token(window)})
        shown = await window.get(f"/w/{workspace.slug}")
        assert shown.status_code == 200
        assert (f'href="/w/{workspace.slug}/audit"' in shown.text) is has
