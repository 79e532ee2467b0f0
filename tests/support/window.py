"""A browser's window on a running stack, for its forms."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2

from tests.support.people import People, Person, Workspace
from tests.support.running_stack import running


@asynccontextmanager
async def window_of(
    people: People, person: Person | None, workspace: Workspace | None
) -> AsyncIterator[httpx2.AsyncClient]:
    """A window without its scripts, where the person is signed in and the workspace open."""
    here = running(people.stack)
    context = ssl.create_default_context(cafile=str(here.edge_ca_file))
    async with httpx2.AsyncClient(
        base_url=here.https, verify=context, headers={"Origin": here.https}, timeout=60
    ) as window:
        if person is not None:
            await sent(window, "/sign-in", address=person.address, password=person.password)
        if workspace is not None:
            await sent(window, f"/w/{workspace.slug}/open")
        yield window


async def sent(window: httpx2.AsyncClient, path: str, **fields: str) -> httpx2.Response:
    """The answer to a form."""
    token = (await window.get("/api/v1/csrf")).json()["csrf_token"]
    return await window.post(path, data={"csrf_token": token} | fields)
