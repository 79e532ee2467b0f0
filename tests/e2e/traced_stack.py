"""What people did on a stack that sends its traces to a collector, and what the collector got of it."""

import asyncio
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.support.events import eventually
from tests.support.otlp import OtlpReceiver, ReceivedSpan
from tests.support.people import People, Person, Workspace
from tests.support.ports import free_port
from tests.support.rates import BUSY
from tests.support.stack import LocalStack, prepared_home

#: Where people say to be, by way of a proxy: no address of this machine.
CLIENT_ADDRESS = "203.0.113.77"
#: What a visitor sends to have a request recorded in a trace of its own choice.
FORGED = "00-f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff-a0a1a2a3a4a5a6a7-01"
#: What a process says, once a minute at most, when its collector does not take what it sends.
COMPLAINT = "do not all reach the collector"
_SETTINGS = {
    "WARDENRY_GATEWAY_FORWARDED_HOPS": "1",
    **BUSY,
    "WARDENRY_IDENTITY_PASSWORD_HASH_SECONDS": "0.01",
}


@dataclass(slots=True, kw_only=True)
class Story:
    """What happened."""

    receiver: OtlpReceiver
    #: The trace of each request, by what it was.
    traces: dict[str, str] = field(default_factory=dict)
    #: What must be in no byte that left.
    canaries: dict[str, str] = field(default_factory=dict)
    #: Event ids of the entries in the workspace's log, by action.
    entries: dict[str, set[str]] = field(default_factory=dict)
    workspace_id: str = ""
    #: What each process wrote into its log.
    logs: dict[str, str] = field(default_factory=dict)
    #: How long it all took.
    seconds: float = 0.0

    def spans(self, request: str) -> list[ReceivedSpan]:
        return self.receiver.trace(self.traces[request])


@contextmanager
def told_story() -> Iterator[Story]:
    """Starts the whole suite while its collector is away, lets people use it, starts the collector, lets them use it
    again, and ends the suite as a supervisor does."""
    receiver = OtlpReceiver()
    receiver.port = free_port()  # where nobody listens yet
    try:
        with TemporaryDirectory(prefix="wardenry-trace-") as directory:
            Path(directory).chmod(0o711)
            settings = _SETTINGS | {"WARDENRY_OTLP_ENDPOINT": receiver.endpoint}
            stack = LocalStack(prepared_home(Path(directory) / "home"), environment=settings)
            story = Story(receiver=receiver)
            began = time.monotonic()
            try:
                stack.start()
                asyncio.run(_Telling(story, stack).tell())
                stack.stop()
            finally:
                stack.end()
            story.seconds = time.monotonic() - began
            story.logs = {file.stem: file.read_text() for file in (stack.home / "logs").glob("*.log")}
        yield story
    finally:
        receiver.stop()


class _Telling:
    def __init__(self, story: Story, stack: LocalStack) -> None:
        self._story = story
        self._people = People(stack)

    async def tell(self) -> None:
        try:
            owner = self._unusual("zerbinetta")
            await self._register(owner)
            await self._complained("gateway")
            await self._complained("identity")
            self._story.receiver.start()
            workspace = await self._workspace(owner)
            guest = self._unusual("octavian")
            await self._register(guest)
            await self._invite(owner, guest, workspace)
            await self._refused(guest, workspace)
            await self._visits(owner)
            for action in ("grant.created", "user.invited", "permission.denied"):
                entry = await self._people.entry(owner, workspace, action)
                self._story.entries[action] = {entry["event_id"]}
            for entry in await self._people.entries(owner, workspace):
                self._story.entries.setdefault(entry["action"], set()).add(entry["event_id"])
            for each in (owner, guest):
                self._keep_cookies(each, workspace)
            # The last thing before the end: its spans have had no time to leave.
            await self._ask(owner, "GET", f"{workspace.path}/members", expect=200, name="last")
        finally:
            await self._people.close()

    async def _complained(self, process: str) -> None:
        """Until the process has said that it cannot deliver."""
        log = self._people.stack.home / "logs" / f"{process}.log"

        async def complained() -> bool:
            return COMPLAINT in log.read_text()

        await eventually(complained, seconds=60)

    def _unusual(self, name: str) -> Person:
        """Somebody whose every word is found again."""
        run = secrets.token_hex(4)
        person = self._people.stranger(name)
        person.name = f"{name.capitalize()} von Faninal-{run}"
        person.browser = self._people.browser(f"{name}-agent/{run}")
        self._story.canaries |= {
            f"{name}'s name": person.name,
            f"{name}'s address": person.address,
            f"{name}'s password": person.password,
            f"{name}'s user agent": person.browser.agent,
        }
        return person

    async def _register(self, person: Person) -> None:
        fields = {"address": person.address, "password": person.password, "display_name": person.name}
        begun = await self._ask(person, "POST", "/api/v1/registrations", fields, expect=202, name="registration")
        code = await self._people.mail.code(person.address)
        verification = f"/api/v1/registrations/{begun['registration_id']}/verification"
        done = await self._ask(person, "POST", verification, {"code": code}, expect=201, name="verification")
        person.subject_id = done["subject_id"]
        self._keep(person, "code", code)
        self._keep(person, "subject", person.subject_id)

    async def _workspace(self, owner: Person) -> Workspace:
        run = secrets.token_hex(4)
        slug, name = f"werdenberg-{run}", f"Werdenberg & Rofrano {run}"
        fields = {"name": name, "slug": slug}
        made = await self._ask(owner, "POST", "/api/v1/workspaces", fields, expect=201, name="workspace")
        workspace = Workspace(workspace_id=made["workspace"]["workspace_id"], slug=slug)
        self._story.workspace_id = workspace.workspace_id
        self._story.canaries |= {"slug": slug, "workspace's name": name}
        await self._ask(owner, "POST", f"{workspace.path}/grants", expect=201, name="grant")
        return workspace

    async def _invite(self, owner: Person, guest: Person, workspace: Workspace) -> None:
        invitation = {"address": guest.address, "role": "member"}
        await self._ask(owner, "POST", f"{workspace.path}/invitations", invitation, expect=201, name="invitation")
        _, invitation_id, secret = await self._people.mail.invitation(guest.address)
        self._keep(guest, "invitation", secret)
        acceptance = f"/api/v1/invitations/{invitation_id}/acceptance"
        await self._ask(guest, "POST", acceptance, {"secret": secret}, expect=201, name="acceptance")
        await self._ask(guest, "POST", f"{workspace.path}/grants", expect=201, name="guest's grant")

    async def _refused(self, guest: Person, workspace: Workspace) -> None:
        typed = f"mistyped-{secrets.token_hex(8)}"
        self._story.canaries["mistyped password"] = typed
        fields = {"address": guest.address, "password": typed}
        await self._ask(self._elsewhere(guest), "POST", "/api/v1/sessions", fields, expect=401, name="refused sign-in")
        await self._ask(guest, "PATCH", workspace.path, {"name": "Mine"}, expect=403, name="forbidden")

    async def _visits(self, owner: Person) -> None:
        fields = {"address": owner.address, "password": owner.password}
        forged = {"traceparent": FORGED, "tracestate": "forged=tracestate"}
        visitor = self._elsewhere(owner)
        await self._ask(visitor, "POST", "/api/v1/sessions", fields, expect=201, name="sign-in", headers=forged)
        path, query = f"typed-path-{secrets.token_hex(4)}", f"typed-query-{secrets.token_hex(4)}"
        self._story.canaries |= {"path": path, "query": query, "tracestate": "forged=tracestate"}
        await self._ask(visitor, "GET", f"/{path}?{query}=1", expect=404, name="nowhere")

    def _elsewhere(self, person: Person) -> Person:
        """The same person at another browser."""
        return replace(person, browser=self._people.browser("elsewhere-agent"))

    async def _ask(
        self,
        person: Person,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        expect: int,
        name: str,
        headers: dict[str, str] | None = None,
    ) -> Any:
        forwarded = {"X-Forwarded-For": CLIENT_ADDRESS, **(headers or {})}
        response = await person.browser.send(method, path, body, headers=forwarded)
        assert response.status_code == expect, f"{name}: {response.status_code} {response.text[:300]}"
        assert response.headers["traceresponse"].startswith("00-")
        self._story.traces[name] = response.headers["traceresponse"].split("-")[1]
        return response.json() if "json" in response.headers.get("content-type", "") else None

    def _keep(self, person: Person, what: str, value: str) -> None:
        self._story.canaries[f"{what} of {person.address}"] = value

    def _keep_cookies(self, person: Person, workspace: Workspace) -> None:
        for name in ("flow", "device"):
            self._keep(person, name, person.browser.cookie(name))
        for name in ("access", "refresh"):
            self._keep(person, name, person.browser.cookie(name, workspace.workspace_id))
