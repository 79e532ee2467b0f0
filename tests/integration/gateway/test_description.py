"""What the description of the JSON API says is what the running gateway does, answer by answer.

The answers of all other tests that use `people` are held against it too; here each one that is described is had.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from services.gateway.api.description import FILE
from tests.support.description import Described, Description
from tests.support.people import People, Person, Workspace

#: Nobody's.
UNKNOWN = "01a2015e-2e93-7916-8815-39f986201a7f"
#: Asked of every operation here by one loop, or caused by what is down, slow or raced, as other tests have it.
EVERYWHERE = {
    "FIELD_INVALID",  # the loop; 400, 413, 415
    "PERMISSION_DENIED",  # the loop for the CSRF token, and below for the roles
    "TOKEN_INVALID",  # the loop
    "PAGE_TOKEN_INVALID",  # the loop
    "NOT_FOUND",  # the loop
    "RATE_LIMITED",  # tests/unit/gateway/test_limits.py
    "INTERNAL",  # a defect
    "DEADLINE_EXCEEDED",  # tests/unit/gateway/test_body.py
    "DEPENDENCY_UNAVAILABLE",  # tests/faults
    "FEED_STALE",  # tests/faults
    "TOKEN_REVOKED",  # a second between the edge and a service; tests/integration/session/test_server.py
    "REFRESH_INVALID",  # tests/security/test_gateway_sessions.py
    "REFRESH_REUSED",  # tests/security/test_refresh.py
    "REFRESH_BUSY",  # tests/security/test_refresh.py
}
#: What cannot be had in order: by waiting minutes, or by two at once; and who is a member is not invited.
RARE = {
    ("createSession", "TICKET_INVALID"),
    ("verifyRegistration", "TICKET_INVALID"),
    ("changePassword", "CONFLICT"),
    ("acceptInvitation", "KEY_DESTROYED"),
    ("acceptInvitation", "MEMBER_ALREADY"),
    ("createRequest", "KEY_DESTROYED"),
    ("createRequest", "STEP_UP_REQUIRED"),
    ("fetchArchive", "STEP_UP_REQUIRED"),
}


def path_of(described: Described, **given: str) -> str:
    """Its path and the parameters that it needs, with nobody's identifiers where none is given."""
    path = re.sub(r"\{(\w+)\}", lambda found: given.get(found[1], UNKNOWN), described.path)
    needed = [each["name"] for each in described.operation.get("parameters", []) if each.get("required")]
    query = [f"{name}=1" for name in needed if name not in ("Origin", *re.findall(r"\w+", described.path))]
    return "?".join(filter(None, [path, "&".join(query)]))


def body_of(described: Described, description: Description) -> dict[str, Any] | None:
    """One that breaks no rule of shape."""
    if "requestBody" not in described.operation:
        return None
    schema = described.operation["requestBody"]["content"]["application/json"]["schema"]
    made = {"boolean": True, "string": "12345678"}
    fields = {name: each for name, each in schema["properties"].items() if name in schema["required"]}
    return {name: each.get("enum", [made[each["type"]]])[0] for name, each in fields.items()}


def unsafe(description: Description) -> Iterator[Described]:
    return (each for each in description.operations() if each.method != "GET")


async def test_it_is_served_as_it_is_committed_to_anybody(people: People) -> None:
    answer = await people.browser().send("GET", "/api/v1/openapi.json")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.content == FILE.read_bytes()


async def test_every_operation_is_served_by_its_method_alone(people: People) -> None:
    browser, description = people.browser(), people.description
    methods = {"GET", "POST", "PUT", "PATCH", "DELETE"}
    for path in {path_of(each, path="0/000").partition("?")[0] for each in description.operations()}:
        served = {method for method in methods if description.operation(method, path)}
        for method in methods - served:
            answer = await browser.send(method, path)
            assert answer.status_code == 405, f"{method} {path}"
            assert set(answer.headers["allow"].split(", ")) - {"HEAD"} == served, f"{method} {path}"


async def test_what_no_operation_takes_is_refused_by_every_one(people: People) -> None:
    person, description = await people.person(), people.description
    workspace = await people.workspace(person)

    async def status(each: Described, path: str = "", **sent: Any) -> int:
        body = sent.pop("body", body_of(each, description))
        at = path or path_of(each, workspace_id=workspace.workspace_id)
        return (await person.browser.send(each.method, at, body, **sent)).status_code

    for each in description.operations():
        at = path_of(each, workspace_id=workspace.workspace_id)
        assert await status(each, at + ("&" if "?" in at else "?") + "unknown=1") == 400, each.name
    for each in unsafe(description):
        assert await status(each, headers={"X-CSRF-Token": "x"}) == 403, each.name
        assert await status(each, headers={"Origin": "https://evil.example"}) == 403, each.name
        assert await status(each, body={"unknown": 1}) == 400, each.name
        assert await status(each, body={"unknown": 1}, headers={"Content-Type": "text/plain"}) == 415, each.name
        assert await status(each, body={"unknown": "x" * 20_000}) == 413, each.name


async def test_every_page_token_and_identifier_that_is_nobodys_is_refused(people: People) -> None:
    person, description = await people.person(), people.description
    workspace = await people.workspace(person)
    slug = {"path": "9/999", "workspace_id": workspace.workspace_id}
    for each in description.operations():
        refusals = description.refusals(each)
        if "PAGE_TOKEN_INVALID" in refusals[400]:
            at = path_of(each, workspace_id=workspace.workspace_id) + "?page=nobodys"
            await person.browser.ask(each.method, at, expect=400, reason="PAGE_TOKEN_INVALID")
        if "NOT_FOUND" in refusals.get(404, []) and "{" in each.path:
            # Whether it is the workspace that is no identifier or what is in it.
            given = slug | dict.fromkeys(re.findall(r"\{(\w+_id)\}", each.path), "no-identifier")
            body = body_of(each, description)
            if each.name == "acceptInvitation":
                body = {"secret": "A" * 43}
            await person.browser.ask(each.method, path_of(each, **given), body, expect=404, reason="NOT_FOUND")


async def test_who_is_not_signed_in_is_told_so_by_what_needs_it(people: People) -> None:
    stranger, description = people.browser(), people.description
    for each in description.operations():
        needs = {need for one in each.operation["security"] for need in one} & {"session", "workspace"}
        answer = await stranger.send(each.method, path_of(each, path="0/000"), body_of(each, description))
        assert (answer.status_code == 401 and answer.json()["reason"] == "TOKEN_INVALID") is bool(needs), each.name


async def test_who_has_opened_no_workspace_is_told_so_by_what_needs_one(people: People) -> None:
    person, description = await people.person(), people.description
    for each in description.operations():
        needs = any("workspace" in one for one in each.operation["security"])
        if needs:
            answer = await person.browser.send(each.method, path_of(each, path="0/000"), body_of(each, description))
            assert (answer.status_code, answer.json()["reason"]) == (401, "TOKEN_INVALID"), each.name


async def test_every_refusal_that_is_an_operations_own_can_be_had(people: People) -> None:
    await of_ways_in(people)
    await of_workspaces(people)
    await of_rights(people)
    description = people.description
    described = {
        (each.name, status, reason)
        for each in description.operations()
        for status, reasons in description.refusals(each).items()
        for reason in reasons
        if reason not in EVERYWHERE and (each.name, reason) not in RARE
    }
    assert len(described) >= 20
    assert described - description.seen == set()
    rare = {
        (each.name, reason)
        for each in description.operations()
        for reasons in description.refusals(each).values()
        for reason in reasons
    }
    assert rare >= RARE


async def of_ways_in(people: People) -> None:
    new, known = people.stranger(), await people.person("ben")
    ask = new.browser.ask
    weak = {"address": new.address, "password": "aaaaaaaaaaaa", "display_name": "Ana"}
    await ask("POST", "/api/v1/registrations", weak, expect=400, reason="PASSWORD_WEAK")
    begun = await ask("POST", "/api/v1/registrations", weak | {"password": new.password}, expect=202)
    other = {"password": known.password, "registration_id": begun["registration_id"]}
    await ask("POST", "/api/v1/registrations", weak | other, expect=409, reason="ALREADY_EXISTS")
    verification = f"/api/v1/registrations/{begun['registration_id']}/verification"
    code = await people.mail.code(new.address)
    wrong = {"code": "00000000" if code != "00000000" else "00000001"}
    await ask("POST", verification, wrong, expect=401, reason="CODE_INVALID")
    await ask("POST", verification, wrong, expect=429, reason="AUTHENTICATION_DELAYED")
    guess = {"address": new.address, "password": "wrong wrong wrong"}
    await ask("POST", "/api/v1/sessions", guess, expect=401, reason="CREDENTIALS_INVALID")
    await ask("POST", "/api/v1/sessions", guess, expect=429, reason="AUTHENTICATION_DELAYED")
    elsewhere = {"address": known.address, "password": known.password, "workspace": "nobodys"}
    await ask("POST", "/api/v1/sessions", elsewhere, expect=404, reason="NOT_FOUND")
    path, other = "/api/v1/subject/password", {"new_password": "another quiet harbour"}
    weaker = {"current_password": known.password, "new_password": "aaaaaaaaaaaa"}
    await known.browser.ask("PUT", path, weaker, expect=400, reason="PASSWORD_WEAK")
    false = other | {"current_password": "wrong wrong wrong"}
    await known.browser.ask("PUT", path, false, expect=401, reason="CREDENTIALS_INVALID")
    await known.browser.ask("PUT", path, false, expect=429, reason="AUTHENTICATION_DELAYED")


async def of_workspaces(people: People) -> None:
    owner, admin, member = await people.person("ana"), await people.person("ben"), await people.person("cem")
    workspace = await people.workspace(owner)
    ask, at = owner.browser.ask, workspace.path
    taken = {"name": "Other", "slug": workspace.slug}
    await ask("POST", "/api/v1/workspaces", taken, expect=409, reason="ALREADY_EXISTS")
    await people.join(workspace, owner, admin, "admin")
    await people.join(workspace, owner, member)
    for person in (owner, admin):
        mine = person.subject_id
        reason, status = ("LAST_OWNER", 409) if person is owner else ("ROLE_ABOVE_OWN", 403)
        role = {"role": "member" if person is owner else "owner"}
        await person.browser.ask("PUT", f"{at}/members/{mine}/role", role, expect=status, reason=reason)
    await ask("DELETE", f"{at}/members/{owner.subject_id}", expect=409, reason="LAST_OWNER")
    await admin.browser.ask("DELETE", f"{at}/members/{owner.subject_id}", expect=403, reason="ROLE_ABOVE_OWN")
    invitation = {"address": "dee@example.com", "role": "owner"}
    await admin.browser.ask("POST", f"{at}/invitations", invitation, expect=403, reason="ROLE_ABOVE_OWN")
    made = await ask("POST", f"{at}/invitations", {"address": "dee@example.com", "role": "member"}, expect=201)
    again = {"invitation_id": made["invitation"]["invitation_id"], "address": "eve@example.com", "role": "member"}
    await ask("POST", f"{at}/invitations", again, expect=409, reason="ALREADY_EXISTS")
    acceptance = f"/api/v1/invitations/{UNKNOWN}/acceptance"
    await ask("POST", acceptance, {"secret": "A" * 43}, expect=404, reason="INVITATION_INVALID")
    for known in (owner.address, "dee@example.com"):
        twice = {"address": known, "role": "member"}
        await ask("POST", f"{at}/invitations", twice, expect=409, reason="ALREADY_EXISTS")
    renewal = f"{at}/invitations/{made['invitation']['invitation_id']}/renewal"
    same = {"renewed_id": made["invitation"]["invitation_id"]}
    await ask("POST", renewal, same, expect=409, reason="ALREADY_EXISTS")
    above = await ask("POST", f"{at}/invitations", {"address": "fay@example.com", "role": "owner"}, expect=201)
    of_owner = f"{at}/invitations/{above['invitation']['invitation_id']}/renewal"
    await admin.browser.ask("POST", of_owner, {}, expect=403, reason="ROLE_ABOVE_OWN")
    await ask("POST", renewal, {}, expect=201)
    await ask("POST", renewal, {}, expect=404, reason="NOT_FOUND")
    guest = people.stranger("guest")
    await ask("POST", f"{at}/invitations", {"address": guest.address, "role": "member"}, expect=201)
    _, invitation_id, secret = await people.mail.invitation(guest.address)
    link = f"/api/v1/invitations/{invitation_id}"
    offer = await guest.browser.ask("POST", f"{link}/offer", {"secret": secret}, expect=200)
    assert (offer["workspace_name"], offer["role"], offer["inviter_name"]) == ("Workspace", "member", owner.name)
    for what in ("offer", "refusal"):
        wrong = {"secret": "A" * 43}
        await guest.browser.ask("POST", f"{link}/{what}", wrong, expect=404, reason="INVITATION_INVALID")
    await guest.browser.ask("POST", f"{link}/refusal", {"secret": secret}, expect=204)
    await guest.browser.ask("POST", f"{link}/refusal", {"secret": secret}, expect=404, reason="INVITATION_INVALID")
    await ask("POST", f"{at}/tokens", {"audience": "nobody"}, expect=400, reason="AUDIENCE_UNKNOWN")
    await of_roles(people.description, workspace, member)


async def of_roles(description: Description, workspace: Workspace, member: Person) -> None:
    """What a member may not, each operation that needs a permission refuses."""
    for each in description.operations():
        needs = re.search(r"permission `([\w.]+)`", each.operation.get("description", ""))
        if needs and needs[1] not in ("workspace.read", "member.read"):
            body = body_of(each, description)
            if each.name == "createInvitation":
                body = {"address": "dee@example.com", "role": "member"}
            at = path_of(each, workspace_id=workspace.workspace_id, path="0/000.p/1")
            await member.browser.ask(each.method, at, body, expect=403, reason="PERMISSION_DENIED")


async def of_rights(people: People) -> None:
    person, other = await people.person("ana"), await people.person("ben")
    made = await person.browser.ask("POST", "/api/v1/requests", {"right": "access"}, expect=201)
    its = {"right": "erasure", "request_id": made["request"]["request_id"]}
    await person.browser.ask("POST", "/api/v1/requests", its, expect=409, reason="ALREADY_EXISTS")
    workspace = await people.workspace(person)
    await people.join(workspace, person, other)
    await person.browser.ask("POST", "/api/v1/requests", {"right": "erasure"}, expect=409, reason="LAST_OWNER")


@pytest.mark.parametrize("number", ["-1", "1.5", "x", "9" * 19])
async def test_numbers_are_as_they_are_described(people: People, number: str) -> None:
    person = await people.person()
    workspace = await people.workspace(person)
    for name in ("inclusion?index=", "consistency?first_size=", "anchor?size=", "entries?page_size="):
        await person.browser.ask("GET", f"{workspace.path}/audit/{name}{number}", expect=400, reason="FIELD_INVALID")
    await person.browser.ask("GET", f"{workspace.path}/audit/consistency", expect=400, reason="FIELD_INVALID")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("workspaces", {"name": "Engines", "slug": "engines", "workspace_id": ""}),
        ("requests", {"right": "access", "request_id": ""}),
        ("workspaces/{}/invitations", {"address": "dee@example.com", "role": "member", "invitation_id": ""}),
    ],
)
async def test_an_identifier_that_is_given_is_none_that_is_left_out(
    people: People, path: str, body: dict[str, str]
) -> None:
    person = await people.person()
    workspace = await people.workspace(person)
    at = "/api/v1/" + path.format(workspace.workspace_id)
    answer = await person.browser.ask("POST", at, body, expect=400, reason="FIELD_INVALID")
    assert [each["field"] for each in answer["violations"]] == [list(body)[-1]]
