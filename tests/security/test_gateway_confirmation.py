"""The password, asked for again: what is confirmed with it costs the browser nothing, and leaves nothing behind."""

import re
import ssl
from collections.abc import AsyncIterator
from uuid import UUID

import httpx2
import pytest

from tests.support.people import People, Person, Workspace
from tests.support.running_stack import running

PAGE = "/account/data"


@pytest.fixture
async def owner(people: People) -> Person:
    return await people.person()


@pytest.fixture
async def workspace(people: People, owner: Person) -> Workspace:
    return await people.workspace(owner)


@pytest.fixture
async def window(people: People, owner: Person, workspace: Workspace) -> AsyncIterator[httpx2.AsyncClient]:
    """The owner's own browser, for forms."""
    here = running(people.stack)
    context = ssl.create_default_context(cafile=str(here.edge_ca_file))
    async with httpx2.AsyncClient(
        base_url=here.https, verify=context, headers={"Origin": here.https}, timeout=30
    ) as made:
        for name in ("flow", "device", "access", "refresh"):
            made.cookies.set(f"__Host-{name}", owner.browser.cookie(name))
        for name in ("access", "refresh"):
            made.cookies.set(
                f"__Host-{name}-{UUID(workspace.workspace_id).hex}", owner.browser.cookie(name, workspace.workspace_id)
            )
        yield made


async def send(window: httpx2.AsyncClient, path: str, **fields: str) -> httpx2.Response:
    token = re.search(r'name="csrf_token" value="([^"]+)"', (await window.get(PAGE)).text)
    assert token is not None
    return await window.post(path, data={"csrf_token": token.group(1), **fields})


async def sessions(owner: Person) -> list[str]:
    listed = await owner.browser.ask("GET", "/api/v1/sessions", expect=200)
    return [each["session_id"] for each in listed["sessions"]]


@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [
        (PAGE + "/requests", {"right": "access", "request_id": "01900000-0000-7000-8000-000000000001"}, 303),
        # Nobody's archive: the call fails after the password was confirmed.
        (PAGE + "/archive", {"request_id": "01900000-0000-7000-8000-000000000000"}, 404),
    ],
)
async def test_a_confirmation_leaves_the_browser_as_it_was(
    owner: Person, workspace: Workspace, window: httpx2.AsyncClient, path: str, fields: dict[str, str], status: int
) -> None:
    before = await sessions(owner)
    answer = await send(window, path, password=owner.password, **fields)
    assert answer.status_code == status
    # What the next page has to say is all that the browser is given.
    assert {each.partition("=")[0] for each in answer.headers.get_list("set-cookie")} <= {"__Host-notice"}
    assert await sessions(owner) == before
    await owner.browser.ask("GET", workspace.path, expect=200)


async def test_erasure_needs_more_than_a_click(owner: Person, window: httpx2.AsyncClient) -> None:
    for fields in ({}, {"understood": ""}, {"understood": "no"}):
        sent = {"right": "erasure", "request_id": "01900000-0000-7000-8000-000000000001", "password": owner.password}
        refused = await send(window, PAGE + "/requests", **sent | fields)
        assert refused.status_code == 400
        assert "Nothing was erased" in refused.text
    listed = await owner.browser.ask("GET", "/api/v1/requests", expect=200)
    assert listed["requests"] == []
