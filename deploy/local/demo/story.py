"""The main job, act by act: people come in, work, and leave. Each act is driven through the gateway over HTTPS."""

import asyncio

from deploy.local.demo.browser import Browser, Unexpected
from deploy.local.demo.records import Answer
from deploy.local.demo.scene import Person, Scene, Team

#: Within this every validator knows of a change.
SOON_SECONDS = 1.0


async def sign_up(scene: Scene) -> None:
    """Each person proves an address with the code that is mailed to it."""
    for person in scene.people:
        begun = await person.browser.ask(
            "POST",
            "/api/v1/registrations",
            {"address": person.address, "password": person.password, "display_name": person.name},
            expect=202,
        )
        verification = f"/api/v1/registrations/{begun['registration_id']}/verification"
        code = await scene.mail.code(person.address)
        session = await person.browser.ask("POST", verification, {"code": code}, expect=201)
        person.subject_id = session["subject_id"]
        await person.browser.ask("POST", verification, {"code": code}, expect=401, reason="CODE_INVALID")
        scene.fact(f"{person.name} <{person.address}> is {person.subject_id}; the mailed code works once")


async def create_workspaces(scene: Scene) -> None:
    """The owners make their workspaces and open them."""
    for team in scene.teams:
        made = await team.owner.browser.ask(
            "POST", "/api/v1/workspaces", {"name": team.name, "slug": team.slug}, expect=201
        )
        team.workspace_id = made["workspace"]["workspace_id"]
        opened = await team.owner.browser.ask("POST", f"{team.path}/grants", expect=201)
        require(opened["role"] == "owner", f"{team.owner.name} must own {team.name}, is {opened['role']}")
        scene.fact(f"{team.name} at /w/{team.slug} is {team.workspace_id}, owned by {team.owner.name}")


async def invite(scene: Scene) -> None:
    """The owners invite by mail; the invited accept with the secret that the link's fragment carries, once."""
    for team in scene.teams:
        guest = team.guest
        await team.owner.browser.ask(
            "POST", f"{team.path}/invitations", {"address": guest.address, "role": "member"}, expect=201
        )
        origin, invitation_id, secret = await scene.mail.invitation(guest.address)
        require(origin == scene.stack.http, f"the link must lead to {scene.stack.http}, leads to {origin}")
        acceptance = f"/api/v1/invitations/{invitation_id}/acceptance"
        outsider = next(other for other in scene.teams if other is not team).guest
        presented = {"secret": secret}
        await outsider.browser.ask("POST", acceptance, presented, expect=404, reason="INVITATION_INVALID")
        accepted = await guest.browser.ask("POST", acceptance, presented, expect=201)
        require(accepted["role"] == "member", f"{guest.name} must be a member, is {accepted['role']}")
        await guest.browser.ask("POST", acceptance, presented, expect=404, reason="INVITATION_INVALID")
        scene.fact(f"{guest.name} joined {team.name}; the same link was no use to {outsider.name}, nor twice")


async def wrong_password(scene: Scene) -> None:
    """A guest leaves, comes back on the workspace's own page, and mistypes the password first."""
    for team in scene.teams:
        guest = team.guest
        await guest.browser.ask("DELETE", "/api/v1/sessions/current", expect=204)
        await guest.browser.ask("GET", "/api/v1/subject", expect=401)
        page = {"address": guest.address, "workspace": team.slug}
        mistyped = page | {"password": guest.password + "x"}
        await guest.browser.ask("POST", "/api/v1/sessions", mistyped, expect=401, reason="CREDENTIALS_INVALID")
        session = await guest.browser.ask("POST", "/api/v1/sessions", page | {"password": guest.password}, expect=201)
        require(session["workspace_id"] == team.workspace_id, f"the session must be in {team.name}")
        scene.fact(f"{guest.name}: refused with a wrong password, signed in to {team.name} with the right one")


async def work_with_records(scene: Scene) -> None:
    """The example service takes the guest's token of its own audience, and lets a member create and update."""
    address = await scene.records.start()
    scene.fact(f"the example service listens at {address}, protected by the SDK")
    for team in scene.teams:
        token, agent = await records_token(team, team.guest), team.guest.browser.agent
        record_id = "note-1"
        expect(await scene.records.create(token, record_id, "a first draft", agent=agent), 201)
        expect(await scene.records.update(token, record_id, "a better one", agent=agent), 204)
        expect(await scene.records.delete(token, record_id, agent=agent), 403)
        scene.fact(f"{team.guest.name} created and updated {record_id} in {team.name}; deleting it is not for members")


async def change_role(scene: Scene) -> None:
    """The owner makes the guest a manager. The guest's token is of a lower epoch now: the next request refreshes it."""
    for team in scene.teams:
        guest = team.guest
        before = guest.browser.cookie("access", team.workspace_id)
        await guest.browser.ask("GET", f"{team.path}/invitations", expect=403, reason="PERMISSION_DENIED")
        role = {"role": "manager"}
        await team.owner.browser.ask("PUT", f"{team.path}/members/{guest.subject_id}/role", role, expect=200)
        seconds = await _soon(
            scene,
            guest.browser,
            f"{team.path}/invitations",
            status=200,
            otherwise=f"{guest.name} must be a manager within {SOON_SECONDS:g} s",
        )
        require(guest.browser.cookie("access", team.workspace_id) != before, "the access token must be a new one")
        scene.fact(f"{guest.name} is a manager of {team.name}: token refreshed and in force after {seconds:.2f} s")


async def delete_record(scene: Scene) -> None:
    """As a manager, the guest may delete the record."""
    for team in scene.teams:
        token = await records_token(team, team.guest)
        record_id = "note-1"
        expect(await scene.records.delete(token, record_id, agent=team.guest.browser.agent), 204)
        scene.fact(f"{team.guest.name} deleted {record_id}")


async def change_settings(scene: Scene) -> None:
    """The owners rename their workspaces."""
    for team in scene.teams:
        name = f"{team.name} Works"
        changed = await team.owner.browser.ask("PATCH", team.path, {"name": name}, expect=200)
        require(changed["workspace"]["name"] == name, "the new name must be shown")
        team.name = name
        scene.fact(f"/w/{team.slug} is called {name}")


async def sign_out(scene: Scene) -> None:
    """The guests sign out: a copy of their cookies is worth nothing any more."""
    for team in scene.teams:
        guest = team.guest
        copies = {name: guest.browser.cookie(name, team.workspace_id) for name in ("access", "refresh")}
        await guest.browser.ask("DELETE", "/api/v1/sessions/current", expect=204)
        for name, value in copies.items():
            guest.browser.plant(name, team.workspace_id, value)
        refused = "the access token must be refused a second after the session ended"
        await _soon(scene, guest.browser, team.path, status=401, otherwise=refused)
        scene.fact(f"{guest.name} signed out of {team.name}; a copy of the cookies is refused")


async def _soon(scene: Scene, browser: Browser, path: str, *, status: int, otherwise: str) -> float:
    """Asks until the answer has this status; returns after how many seconds. Raises Unexpected when a request that was
    sent later than promised got another: how long an answer takes is the machine's affair."""
    began = sent = scene.clock.monotonic()
    while (await browser.send("GET", path)).status_code != status:
        require(sent - began < SOON_SECONDS, otherwise)
        await asyncio.sleep(0.02)
        sent = scene.clock.monotonic()
    return scene.clock.monotonic() - began


async def records_token(team: Team, person: Person) -> str:
    """A token for the example service."""
    answer = await person.browser.ask("POST", f"{team.path}/tokens", {"audience": "records"}, expect=201)
    token: str = answer["access_token"]
    return token


def expect(answer: Answer, status: int) -> None:
    """Raises Unexpected unless the example service answered with that status."""
    if answer.status != status:
        raise Unexpected(f"the example service must answer {status}, answered {answer.status} {answer.text}")


def require(holds: bool, text: str) -> None:
    """Raises Unexpected with the text of what must hold."""
    if not holds:
        raise Unexpected(text)
