"""People who use a running stack through the gateway: signed up with real mail, in workspaces of their own."""

import asyncio
import secrets
import time
from dataclasses import dataclass
from typing import Any

from deploy.local.demo.browser import Browser
from deploy.local.demo.mail import Mail
from tests.support.description import DescribedBrowser, Description
from tests.support.running_stack import running
from tests.support.stack import LocalStack
from wardenry.clock import SystemClock


@dataclass(slots=True, kw_only=True)
class Person:
    """Somebody with a browser."""

    name: str
    address: str
    password: str
    browser: Browser
    subject_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    workspace_id: str
    slug: str

    @property
    def path(self) -> str:
        return f"/api/v1/workspaces/{self.workspace_id}"


class People:
    """Makes people and workspaces; closes every browser at the end."""

    def __init__(self, stack: LocalStack) -> None:
        self.stack = stack
        self.mail = Mail(url=running(stack).mail, clock=SystemClock())
        #: Every answer that their browsers get is held against it.
        self.description = Description()
        self._browsers: list[Browser] = []

    async def close(self) -> None:
        for each in self._browsers:
            await each.close()
        await self.mail.close()

    def browser(self, agent: str = "tests") -> Browser:
        here = running(self.stack)
        made = DescribedBrowser(
            origin=here.https, edge_ca_file=here.edge_ca_file, agent=agent, description=self.description
        )
        self._browsers.append(made)
        return made

    def stranger(self, name: str = "ana") -> Person:
        """Somebody who is not signed up."""
        run = secrets.token_hex(4)
        return Person(
            name=name.capitalize(),
            address=f"{name}.{run}@example.com",
            password=f"quiet-harbour-{run}-{name}",
            browser=self.browser(f"tests/1 ({name})"),
        )

    async def person(self, name: str = "ana") -> Person:
        """Somebody who has just signed up, and is signed in."""
        person = self.stranger(name)
        fields = {"address": person.address, "password": person.password, "display_name": person.name}
        begun = await person.browser.ask("POST", "/api/v1/registrations", fields, expect=202)
        code = {"code": await self.mail.code(person.address)}
        verification = f"/api/v1/registrations/{begun['registration_id']}/verification"
        person.subject_id = (await person.browser.ask("POST", verification, code, expect=201))["subject_id"]
        return person

    async def workspace(self, owner: Person) -> Workspace:
        """A workspace of the owner's, opened."""
        slug = f"workspace-{secrets.token_hex(4)}"
        made = await owner.browser.ask("POST", "/api/v1/workspaces", {"name": "Workspace", "slug": slug}, expect=201)
        workspace = Workspace(workspace_id=made["workspace"]["workspace_id"], slug=slug)
        await owner.browser.ask("POST", f"{workspace.path}/grants", expect=201)
        return workspace

    async def join(self, workspace: Workspace, owner: Person, guest: Person, role: str = "member") -> None:
        """By invitation mail; the guest's browser opens the workspace too."""
        invitation = {"address": guest.address, "role": role}
        await owner.browser.ask("POST", f"{workspace.path}/invitations", invitation, expect=201)
        _, invitation_id, secret = await self.mail.invitation(guest.address)
        acceptance = f"/api/v1/invitations/{invitation_id}/acceptance"
        await guest.browser.ask("POST", acceptance, {"secret": secret}, expect=201)
        await guest.browser.ask("POST", f"{workspace.path}/grants", expect=201)

    async def entries(self, reader: Person, workspace: Workspace) -> list[dict[str, Any]]:
        """The newest entries of the workspace's log."""
        page = await reader.browser.ask("GET", f"{workspace.path}/audit/entries?page_size=200", expect=200)
        entries: list[dict[str, Any]] = page["entries"]
        return entries

    async def all_entries(self, reader: Person, workspace: Workspace) -> list[dict[str, Any]]:
        """Every entry of the workspace's log, the newest first."""
        entries: list[dict[str, Any]] = []
        page = ""
        while True:
            path = f"{workspace.path}/audit/entries?page_size=200" + (f"&page={page}" if page else "")
            answer = await reader.browser.ask("GET", path, expect=200)
            entries += answer["entries"]
            page = answer["next_page_token"]
            if not page:
                return entries

    async def entry(self, reader: Person, workspace: Workspace, action: str) -> dict[str, Any]:
        """The newest entry of an action, once it is there."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            for entry in await self.entries(reader, workspace):
                if entry["action"] == action:
                    return entry
            await asyncio.sleep(0.1)
        raise AssertionError(f"the log of {workspace.slug} has no {action}")
