"""Cookies, sessions and transport at the gateway, over the wire."""

import asyncio
import ssl
import time
import uuid

import httpx2
import pytest

from tests.faults.connections import connected
from tests.faults.session_line import Line
from tests.support.events import running as in_background
from tests.support.people import People
from tests.support.running_stack import running
from tests.support.stack import LocalStack
from wardenry.session.v1.revocation_pb2 import WatchRevocationsRequest, WatchRevocationsResponse
from wardenry.session.v1.revocation_pb2_grpc import RevocationServiceStub


async def test_a_sign_in_renews_everything_that_was_there_before(people: People) -> None:
    """CASES 22: no cookie that an attacker planted before survives a sign-in."""
    person = await people.person()
    browser = people.browser()
    await browser.ask("GET", "/api/v1/csrf", expect=200)
    planted = browser.cookie("flow")
    credentials = {"address": person.address, "password": person.password}
    first = await browser.ask("POST", "/api/v1/sessions", credentials, expect=201)
    assert browser.cookie("flow") not in ("", planted)
    tokens = browser.cookie("access"), browser.cookie("refresh")
    second = await browser.ask("POST", "/api/v1/sessions", credentials, expect=201)
    assert second["session_id"] != first["session_id"]
    assert not set(tokens) & {browser.cookie("access"), browser.cookie("refresh")}
    listed = await person.browser.ask("GET", "/api/v1/sessions", expect=200)
    assert first["session_id"] not in [each["session_id"] for each in listed["sessions"]]


async def test_one_browser_is_one_person_at_a_time(people: People) -> None:
    """CASES 22: who signs in where somebody else was signed in gets nothing of theirs."""
    ana, ben = await people.person("ana"), await people.person("ben")
    workspace = await people.workspace(ana)
    credentials = {"address": ben.address, "password": ben.password}
    await ana.browser.ask("POST", "/api/v1/sessions", credentials, expect=201)
    assert (await ana.browser.ask("GET", "/api/v1/subject", expect=200))["subject_id"] == ben.subject_id
    assert ana.browser.cookie("access", workspace.workspace_id) == ""
    await ana.browser.ask("GET", workspace.path, expect=401)


async def test_tokens_stay_in_cookies(people: People) -> None:
    """No answer but the exchange's shows a token to scripts, and none is shown to the one who asks twice."""
    person = await people.person()
    workspace = await people.workspace(person)
    tokens = [person.browser.cookie(name, at) for name in ("access", "refresh") for at in ("", workspace.workspace_id)]
    assert all(tokens)
    for path in (
        "/api/v1/subject",
        "/api/v1/sessions",
        "/api/v1/workspaces",
        workspace.path,
        "/workspaces",
        "/sessions",
    ):
        answer = await person.browser.send("GET", path)
        assert answer.status_code == 200
        assert not any(token in answer.text for token in tokens)


async def test_a_refresh_token_of_another_device_is_no_good(people: People) -> None:
    person = await people.person()
    thief = people.browser()
    await thief.ask("GET", "/api/v1/csrf", expect=200)
    thief.plant("refresh", "", person.browser.cookie("refresh"))
    await thief.ask("GET", "/api/v1/subject", expect=401, reason="REFRESH_INVALID")
    await person.browser.ask("GET", "/api/v1/subject", expect=200)


async def test_many_tabs_refresh_once(people: People) -> None:
    """CASES 5, at the edge: a token that must be refreshed is refreshed once for all who notice."""
    owner, guest = await people.person("ana"), await people.person("ben")
    workspace = await people.workspace(owner)
    await people.join(workspace, owner, guest)
    await owner.browser.ask("PUT", f"{workspace.path}/members/{guest.subject_id}/role", {"role": "manager"}, expect=200)
    await asyncio.sleep(1)

    async def tab() -> int:
        answer = await guest.browser.send("GET", workspace.path)
        if answer.status_code == 409:
            # A busy machine let it come after the refresh, with the old cookies. By now there are new ones.
            await asyncio.sleep(float(answer.headers["retry-after"]))
            answer = await guest.browser.send("GET", workspace.path)
        return answer.status_code

    assert set(await asyncio.gather(*(tab() for _ in range(30)))) == {200}
    await people.entry(owner, workspace, "session.refreshed")
    entries = await people.entries(owner, workspace)
    assert [entry["action"] for entry in entries].count("session.refreshed") == 1
    assert "session.reused" not in [entry["action"] for entry in entries]


async def test_a_removed_member_is_out_within_a_second(people: People) -> None:
    owner, guest = await people.person("ana"), await people.person("ben")
    workspace = await people.workspace(owner)
    await people.join(workspace, owner, guest)
    await guest.browser.ask("GET", workspace.path, expect=200)
    await owner.browser.ask("DELETE", f"{workspace.path}/members/{guest.subject_id}", expect=204)
    await asyncio.sleep(1)
    await guest.browser.ask("GET", workspace.path, expect=401)
    await guest.browser.ask("GET", "/api/v1/subject", expect=200)
    await guest.browser.ask("POST", f"{workspace.path}/grants", expect=404)


async def test_the_cookies_of_a_real_answer_are_for_this_host_alone(people: People) -> None:
    person = await people.person()
    browser = people.browser()
    credentials = {"address": person.address, "password": person.password}
    answer = await browser.send("POST", "/api/v1/sessions", credentials)
    cookies = answer.headers.get_list("set-cookie")
    assert len(cookies) >= 4
    for cookie in cookies:
        assert cookie.startswith("__Host-")
        assert {"Secure", "HttpOnly", "Path=/"} <= {part.strip() for part in cookie.split(";")}
        assert "samesite=lax" in cookie.lower()
        assert "domain" not in cookie.lower()


async def test_keys_are_public_and_nothing_else(stack: LocalStack) -> None:
    async with secure(stack) as browser:
        answer = await browser.get("/.well-known/jwks.json")
    keys = answer.json()["keys"]
    assert keys
    assert all(key.keys() <= {"kty", "crv", "x", "kid", "use", "alg"} for key in keys)
    # Kept by caches that many share: it must not carry anybody's cookie.
    assert "public" in answer.headers["cache-control"]
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    ("version", "served"),
    [(ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_3, True)],
)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")  # asking for it is the point
async def test_tls_1_2_is_the_least(stack: LocalStack, version: ssl.TLSVersion, served: bool) -> None:
    context = ssl.create_default_context(cafile=str(running(stack).edge_ca_file))
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    async with httpx2.AsyncClient(verify=context, base_url=running(stack).https) as browser:
        if served:
            assert (await browser.get("/healthz")).status_code == 200
        else:
            with pytest.raises(httpx2.ConnectError):
                await browser.get("/healthz")


async def test_weak_ciphers_are_refused(stack: LocalStack) -> None:
    context = ssl.create_default_context(cafile=str(running(stack).edge_ca_file))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA384:@SECLEVEL=0")
    async with httpx2.AsyncClient(verify=context, base_url=running(stack).https) as browser:
        with pytest.raises(httpx2.ConnectError):
            await browser.get("/healthz")


async def test_https_is_pinned_for_names_and_never_for_this_machine(stack: LocalStack) -> None:
    async with secure(stack) as browser:
        assert "strict-transport-security" not in (await browser.get("/")).headers
        named = await browser.get("/", headers={"Host": "id.example.com"})
        assert named.headers["strict-transport-security"].startswith("max-age=63072000")
    async with httpx2.AsyncClient() as browser:
        assert "strict-transport-security" not in (await browser.get(stack.state["urls"]["http"])).headers


def secure(stack: LocalStack) -> httpx2.AsyncClient:
    context = ssl.create_default_context(cafile=str(running(stack).edge_ca_file))
    return httpx2.AsyncClient(base_url=running(stack).https, verify=context, timeout=60)


async def test_a_repeated_sign_out_is_acknowledged_no_sooner_than_the_first(people: People, stack: LocalStack) -> None:
    """While a validator still accepts the session's token, nobody is told that the session is over."""
    person = await people.person()
    workspace = await people.workspace(person)
    device = people.browser()
    credentials = {"address": person.address, "password": person.password, "workspace": workspace.slug}
    session = (await device.ask("POST", "/api/v1/sessions", credentials, expect=201))["session_id"]
    again = people.browser()
    line = Line.of(device, workspace.workspace_id, session)
    line.plant(again, workspace.workspace_id)
    ended = uuid.UUID(session).bytes
    async with connected(stack, "session", own="records") as channel:
        stream = RevocationServiceStub(channel).WatchRevocations()
        applied, heard, told, known = 0, asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def tick() -> None:
            while True:
                request = WatchRevocationsRequest(tick=time.monotonic_ns(), applied=applied)
                await stream.write(request)
                await asyncio.sleep(0.05)

        async def follow() -> None:
            nonlocal applied
            while True:
                message = await stream.read()
                assert isinstance(message, WatchRevocationsResponse)
                heard.set()
                if ended in [each.session for each in message.revocations]:
                    told.set()
                    # Slow to take it in.
                    await asyncio.sleep(0.5)
                    known.set()
                applied = message.number or applied

        async with in_background(tick()), in_background(follow()), asyncio.timeout(60):
            await heard.wait()
            first = asyncio.create_task(device.ask("DELETE", "/api/v1/sessions/current", expect=204))
            await told.wait()
            await again.ask("DELETE", "/api/v1/sessions/current", expect=204)
            assert known.is_set()
            await first
        stream.cancel()
