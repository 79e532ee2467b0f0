"""People at work while processes are killed: each act is tried until it is answered, and written into a history."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

import grpc
import httpx2

from deploy.local.demo.browser import Browser, Unexpected
from deploy.local.demo.mail import NoMail
from libs.ids import SystemEntropy, Uuid7Ids
from tests.faults.connections import connected, verifier
from tests.faults.history import Act, Answer, History
from tests.faults.session_line import DEADLINE, Line
from tests.support.people import People, Person, Workspace
from tests.support.stack import LocalStack
from wardenry.audit.v1.record_pb2 import RecordRequest
from wardenry.audit.v1.record_pb2_grpc import RecordServiceStub
from wardenry.clock import SystemClock
from wardenry.errors.error import Unauthenticated, WardenryError
from wardenry.errors.status import from_rpc_error
from wardenry.session.v1.token_pb2_grpc import TokenServiceStub
from wardenry.tokens import AUDIENCE
from wardenry.verifier import TokenVerifier

if TYPE_CHECKING:
    from wardenry.audit.v1.record_pb2_grpc import RecordServiceAsyncStub
    from wardenry.session.v1.token_pb2_grpc import TokenServiceAsyncStub

#: The product in whose name records are written.
PRODUCT = "records"
#: Status codes that refuse; 408 and 429 say "again", and what is 500 or more promises nothing.
REFUSED = frozenset(range(400, 500)) - {408, 429}
REFUSING_CODES = frozenset(
    {
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.ALREADY_EXISTS,
        grpc.StatusCode.FAILED_PRECONDITION,
    }
)
#: Seconds between two tries of one act.
PAUSE = 0.2
#: Between two sign-ins: as hasty as a person.
SIGN_IN_PAUSE = 1.0
#: Seconds within which every validator refuses what has ended without an acknowledgement: a lease, and the read before.
PROMISED = 1.0
#: How long validators are asked about a session that has ended, seconds.
WATCHED = 1.6


class Stopped(Exception):
    """The load is over."""


class LockedOut(Exception):
    """The account takes no sign-in for a quarter of an hour: sign-ins that were cut off count as failures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What all workers share."""

    people: People
    history: History
    tokens: "TokenServiceAsyncStub"
    records: "RecordServiceAsyncStub"
    verifier: TokenVerifier
    stop: asyncio.Event
    #: When the load ends in any case, by the monotonic clock, and after how many acts.
    until: float
    most_acts: int

    def check(self) -> None:
        if self.stop.is_set() or time.monotonic() > self.until or len(self.history.acts) > self.most_acts:
            raise Stopped


@asynccontextmanager
async def site(
    stack: LocalStack, people: People, history: History, *, seconds: float, most_acts: int
) -> AsyncIterator[Site]:
    """Connections of one load, which is over after `seconds`, after `most_acts`, or when its `stop` is set."""
    async with (
        connected(stack, "session", own="gateway") as session,
        connected(stack, "audit", own=PRODUCT) as audit,
        verifier(stack, own=PRODUCT) as following,
    ):
        yield Site(
            people=people,
            history=history,
            tokens=TokenServiceStub(session),
            records=RecordServiceStub(audit),
            verifier=following,
            stop=asyncio.Event(),
            until=time.monotonic() + seconds,
            most_acts=most_acts,
        )


class Worker:
    """One owner of one workspace, again and again: signs in, works, signs out or is signed out."""

    def __init__(self, *, at: Site, owner: Person, workspace: Workspace, chance: random.Random) -> None:
        self._at = at
        self._owner = owner
        self._workspace = workspace
        self._log = UUID(workspace.workspace_id)
        self._chance = chance
        self._ids = Uuid7Ids(clock=SystemClock(), entropy=SystemEntropy())
        self._device = at.people.browser("tests/faults device")
        self._keeper = at.people.browser("tests/faults keeper")
        self._line: Line
        self._product_token = ""
        self._names = 0
        self._watches: list[asyncio.Task[None]] = []

    async def run(self) -> None:
        """Until the load is over. Raises LockedOut."""
        acts = (self.refresh, self.refresh, self.refresh, self.rename, self.invite, self.record, self.fail)
        try:
            while True:
                self._line = await self.sign_in(self._device)
                for _ in range(self._chance.randint(3, 8)):
                    if not await self._chance.choice(acts)():
                        break
                else:
                    await self._chance.choice((self.sign_out, self.revoke))()
        except Stopped:
            pass
        finally:
            await asyncio.gather(*self._watches)

    async def sign_in(self, browser: Browser) -> Line:
        """A new session on the workspace's page. A lost answer leaves a session that nobody uses."""
        credentials = {
            "address": self._owner.address,
            "password": self._owner.password,
            "workspace": self._workspace.slug,
        }
        while True:
            answer, status, body = await self._ask(browser, "POST", "/api/v1/sessions", credentials)
            if status == 201:
                self._note("user.login", body["session_id"], answer)
                self._product_token = ""
                return Line.of(browser, self._workspace.workspace_id, body["session_id"])
            if answer is Answer.REFUSED:
                self._at.history.seen.append(f"a right password was refused with {status}: {body}")
            elif body.get("reason") == "AUTHENTICATION_DELAYED":
                raise LockedOut
            else:
                self._at.history.unanswered_sign_ins += 1
            await asyncio.sleep(SIGN_IN_PAUSE)

    async def refresh(self) -> bool:
        """The next refresh token of the session. Whether the session goes on."""
        rotation = self._line.next_rotation
        lost = False
        while True:
            self._at.check()
            try:
                await self._line.rotate(self._at.tokens)
            except Unauthenticated as error:
                self._note("session.refreshed", rotation, Answer.REFUSED)
                if lost:
                    self._at.history.lost_in_grace += 1
                else:
                    self._at.history.seen.append(f"{rotation} of a live session was refused: {error.reason_name}")
                return False
            except WardenryError:
                self._note("session.refreshed", rotation, Answer.UNKNOWN)
                lost = True
                await asyncio.sleep(PAUSE)
            else:
                self._note("session.refreshed", rotation, Answer.ACKNOWLEDGED)
                self._line.plant(self._device, self._workspace.workspace_id)
                return True

    async def rename(self) -> bool:
        """A new name; asked for until it is the workspace's, so that the how-manieth change it is remains known."""
        name = f"Name {self._names + 1}"
        target = f"{self._workspace.workspace_id}#{self._names + 1}"
        answer = await self._until_answered(
            self._device, "PATCH", self._workspace.path, {"name": name}, "settings.changed", target
        )
        self._names += answer is Answer.ACKNOWLEDGED
        return answer is Answer.ACKNOWLEDGED

    async def invite(self) -> bool:
        """An invitation, and half of the time its withdrawal."""
        invitation = str(self._ids.uuid7())
        path = f"{self._workspace.path}/invitations"
        body = {"invitation_id": invitation, "address": f"{invitation}@example.com", "role": "member"}
        answer = await self._until_answered(self._device, "POST", path, body, "user.invited", invitation)
        if answer is Answer.ACKNOWLEDGED and self._chance.random() < 0.5:
            answer = await self._until_answered(
                self._device, "DELETE", f"{path}/{invitation}", None, "invitation.revoked", invitation
            )
        return answer is Answer.ACKNOWLEDGED

    async def record(self) -> bool:
        """What a product says of its record; the same id until it is answered."""
        if not self._product_token:
            path = f"{self._workspace.path}/tokens"
            _, status, body = await self._ask(self._device, "POST", path, {"audience": PRODUCT})
            if status != 201:
                return status not in REFUSED
            self._product_token = body["access_token"]
        event = str(self._ids.uuid7())
        answer = Answer.UNKNOWN
        while answer is Answer.UNKNOWN:
            answer = await self._recorded(event, self._product_token)
            await asyncio.sleep(PAUSE if answer is Answer.UNKNOWN else 0)
        return answer is Answer.ACKNOWLEDGED

    async def fail(self) -> bool:
        """What must fail, and may leave no entry that says it happened."""
        if self._chance.random() < 0.5:
            await self._recorded(str(self._ids.uuid7()), self._line.access)  # not a token for products
            return True
        invitation = str(self._ids.uuid7())
        path = f"{self._workspace.path}/invitations/{invitation}"
        answer, status, _ = await self._ask(self._device, "DELETE", path)
        self._note("invitation.revoked", invitation, answer)
        return status != 401

    async def sign_out(self) -> None:
        """The session's own end, asked for until it is acknowledged."""
        line = self._line
        answer = await self._until_answered(
            self._device, "DELETE", "/api/v1/sessions/current", None, "user.logout", line.session_id
        )
        # Refused: an earlier try, whose answer was lost, has ended it, and may have been killed before all knew.
        certain = time.monotonic() + (0.0 if answer is Answer.ACKNOWLEDGED else PROMISED)
        self._watches.append(asyncio.create_task(self._watch(line, certain)))

    async def revoke(self) -> None:
        """Its end by the same person on another device."""
        line = self._line
        if not self._keeper.cookie("refresh", self._workspace.workspace_id):
            await self.sign_in(self._keeper)
        answer = await self._until_answered(
            self._keeper, "DELETE", f"/api/v1/sessions/{line.session_id}", None, "session.revoked", line.session_id
        )
        if answer is Answer.ACKNOWLEDGED:
            self._watches.append(asyncio.create_task(self._watch(line, time.monotonic())))

    async def _watch(self, line: Line, certain: float) -> None:
        """Invariant 3: the ended session's tokens are tried for a while, and must be worth nothing: to an SDK from the
        moment `certain` on, to a refresh at once."""
        history = self._at.history
        rotation = line.next_rotation
        while (began := time.monotonic()) < certain + WATCHED:
            try:
                await self._at.verifier.verify(line.access, audience=AUDIENCE)
                history.tried_after_revocation["verified"] += 1
                if began > certain:
                    late = began - certain
                    history.seen.append(f"the SDK took a token of {line.session_id} {late:.2f} s after its end")
            except WardenryError as error:
                history.tried_after_revocation[f"SDK: {error.code.name}"] += 1
            try:
                await Line(
                    session_id=line.session_id,
                    access=line.access,
                    refresh=line.refresh,
                    device_binding=line.device_binding,
                ).rotate(self._at.tokens)
                history.seen.append(f"session {line.session_id} was refreshed after its end was acknowledged")
                self._note("session.refreshed", rotation, Answer.ACKNOWLEDGED)
            except WardenryError as error:
                history.tried_after_revocation[f"refresh: {error.code.name}"] += 1
                self._note("session.refreshed", rotation, Answer.REFUSED)
            await asyncio.sleep(0.1)

    async def _until_answered(
        self, browser: Browser, method: str, path: str, body: dict[str, str] | None, action: str, identity: str
    ) -> Answer:
        while True:
            answer, _, _ = await self._ask(browser, method, path, body)
            self._note(action, identity, answer)
            if answer is not Answer.UNKNOWN:
                return answer
            await asyncio.sleep(PAUSE)

    async def _ask(
        self, browser: Browser, method: str, path: str, body: dict[str, str] | None = None
    ) -> tuple[Answer, int, dict[str, str]]:
        """One request, its status (0 without an answer) and its JSON."""
        self._at.check()
        try:
            response = await browser.send(method, path, body)
        except httpx2.HTTPError:
            return Answer.UNKNOWN, 0, {}
        parsed = response.json() if response.content and "json" in response.headers.get("content-type", "") else {}
        if response.status_code < 300:
            return Answer.ACKNOWLEDGED, response.status_code, parsed
        refused = response.status_code in REFUSED
        return Answer.REFUSED if refused else Answer.UNKNOWN, response.status_code, parsed

    async def _recorded(self, event: str, token: str) -> Answer:
        self._at.check()
        request = RecordRequest(event_id=event, action="record.created", record_kind="note", record_id=event)
        try:
            await self._at.records.Record(request, metadata=(("authorization", f"Bearer {token}"),), timeout=DEADLINE)
            answer = Answer.ACKNOWLEDGED
        except grpc.aio.AioRpcError as error:
            refusal = from_rpc_error(error)
            answer = Answer.REFUSED if refusal.code in REFUSING_CODES else Answer.UNKNOWN
        self._note("record.created", event, answer)
        return answer

    def _note(self, action: str, identity: str, answer: Answer) -> None:
        self._at.history.acts.append(Act(log=self._log, action=action, identity=identity, answer=answer))


async def employed(at: Site) -> tuple[Person, Workspace]:
    """Somebody new with a workspace. Tried again while processes are away or the machine has too much to do."""
    while True:
        at.check()
        with contextlib.suppress(Unexpected, NoMail, httpx2.HTTPError):
            owner = await at.people.person("owner")
            return owner, await at.people.workspace(owner)
        await asyncio.sleep(PAUSE)


async def post(at: Site, chance: random.Random, first: tuple[Person, Workspace]) -> None:
    """One worker after the other: who is locked out is followed by somebody new."""
    owner, workspace = first
    with contextlib.suppress(Stopped):
        while True:
            try:
                return await Worker(at=at, owner=owner, workspace=workspace, chance=chance).run()
            except LockedOut:
                at.history.locked_out += 1
                owner, workspace = await employed(at)


async def work(at: Site, *, workers: int, chance: random.Random, kill: Callable[[], Awaitable[None]]) -> None:
    """The load: `workers` people in workspaces of their own, while `kill` runs. Ends when that has ended."""
    staff = [await employed(at) for _ in range(workers)]
    working = [
        asyncio.create_task(post(at, random.Random(chance.random()), each))  # noqa: S311 - to be repeated
        for each in staff
    ]
    killing = asyncio.ensure_future(kill())
    await asyncio.wait([killing, *working], return_when=asyncio.FIRST_COMPLETED)
    at.stop.set()
    if not killing.done():
        at.history.seen.append("the load ended before the last kill")
        killing.cancel()
    await asyncio.gather(*working)
    with contextlib.suppress(asyncio.CancelledError):
        await killing
