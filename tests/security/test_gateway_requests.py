"""What the gateway refuses before any service hears of it, over the wire."""

import errno
import socket
import ssl

import httpx2
import pytest

from tests.support.people import People
from tests.support.running_stack import running
from tests.support.stack import LocalStack

SIGN_IN = "/api/v1/sessions"


@pytest.fixture
def origin(stack: LocalStack) -> str:
    return running(stack).https


def client(stack: LocalStack) -> httpx2.AsyncClient:
    here = running(stack)
    context = ssl.create_default_context(cafile=str(here.edge_ca_file))
    return httpx2.AsyncClient(base_url=here.https, verify=context, timeout=60)


async def csrf(browser: httpx2.AsyncClient) -> str:
    token: str = (await browser.get("/api/v1/csrf")).json()["csrf_token"]
    return token


@pytest.mark.parametrize(
    "sent",
    [
        None,
        "null",
        "https://evil.example",
        "https://localhost",
        "https://localhost:8443.evil.example",
        "{own}.evil.example",
        "{own}/",
        "http://127.0.0.1:1",
    ],
)
async def test_a_request_of_another_origin_changes_nothing(people: People, origin: str, sent: str | None) -> None:
    person = await people.person()
    async with client(people.stack) as other:
        for name in ("access", "refresh", "flow", "device"):
            other.cookies.set(f"__Host-{name}", person.browser.cookie(name))
        headers = {"X-CSRF-Token": await csrf(other)}
        if sent is not None:
            headers["Origin"] = sent.format(own=origin)
        refused = await other.delete("/api/v1/sessions/current", headers=headers)
    assert (refused.status_code, refused.json()["reason"]) == (403, "PERMISSION_DENIED")
    await person.browser.ask("GET", "/api/v1/subject", expect=200)


async def test_a_request_needs_the_token_of_its_own_browser(people: People, origin: str) -> None:
    person = await people.person()
    async with client(people.stack) as stranger:
        foreign = await csrf(stranger)
    async with client(people.stack) as other:
        for name in ("access", "refresh", "flow", "device"):
            other.cookies.set(f"__Host-{name}", person.browser.cookie(name))
        for shown in ("", "x", foreign, foreign.swapcase()):
            refused = await other.delete("/api/v1/sessions/current", headers={"Origin": origin, "X-CSRF-Token": shown})
            assert refused.status_code == 403
        # In the body or the URL it does not count either.
        refused = await other.post("/sign-out", data={"csrf_token": foreign}, headers={"Origin": origin})
        assert refused.status_code == 403
    await person.browser.ask("GET", "/api/v1/subject", expect=200)


@pytest.mark.parametrize(
    "name", ["access_token", "refresh_token", "token", "password", "code", "secret", "ticket", "Access_Token"]
)
async def test_credentials_in_a_url_are_refused_everywhere(stack: LocalStack, name: str) -> None:
    async with client(stack) as browser:
        for path in ("/api/v1/subject", "/sign-in", "/", "/.well-known/jwks.json"):
            refused = await browser.get(f"{path}?{name}=x")
            assert refused.status_code == 400, path


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "/api/v1/registrations", {"subject_id": "x"}, "subject_id"),
        ("POST", "/api/v1/registrations", {"verified": True}, "verified"),
        ("POST", SIGN_IN, {"subject_epoch": 9}, "subject_epoch"),
        ("POST", SIGN_IN, {"workspace_id": "x"}, "workspace_id"),
        ("POST", "/api/v1/workspaces", {"role": "owner"}, "role"),
        ("POST", "/api/v1/workspaces", {"owner_id": "x"}, "owner_id"),
        ("PATCH", "/api/v1/workspaces/{id}", {"slug": "other"}, "slug"),
        ("PATCH", "/api/v1/workspaces/{id}", {"workspace_id": "x"}, "workspace_id"),
        ("PATCH", "/api/v1/workspaces/{id}", {"update_mask": "slug"}, "update_mask"),
        ("PUT", "/api/v1/workspaces/{id}/members/{id}/role", {"subject_id": "x"}, "subject_id"),
        ("POST", "/api/v1/workspaces/{id}/invitations", {"workspace_id": "x"}, "workspace_id"),
        ("POST", "/api/v1/workspaces/{id}/tokens", {"role": "owner"}, "role"),
        ("POST", "/api/v1/sessions/revocations", {"subject_id": "x"}, "subject_id"),
    ],
)
async def test_fields_that_are_not_the_callers_are_refused_by_name(
    people: People, method: str, path: str, body: dict[str, object], field: str
) -> None:
    browser = people.browser()
    answer = await browser.ask(method, path.format(id="01a2015e-2e93-7916-8815-39f986201a7f"), body, expect=400)
    assert (field, "unknown field") in [(each["field"], each["description"]) for each in answer["violations"]]


@pytest.mark.parametrize(
    "path", ["/api/v1/sessions?page=%00", "/api/v1/sessions?page=a&page=b", "/api/v1/sessions?x=1"]
)
async def test_parameters_are_as_strict_as_bodies(people: People, path: str) -> None:
    await people.browser().ask("GET", path, expect=400, reason="FIELD_INVALID")


@pytest.mark.parametrize(
    "path",
    ["/w/%00", "/w/%0d%0aSet-Cookie:%20x=y", "/w/../../etc/passwd", "/w/' OR 1=1--", "/w/%ff", f"/w/{'a' * 5000}"],
)
async def test_odd_names_in_a_url_are_nobodys(stack: LocalStack, path: str) -> None:
    async with client(stack) as browser:
        answer = await browser.get(path)
    assert answer.status_code in (303, 404)
    assert "x=y" not in answer.headers.get("set-cookie", "")


async def test_identifiers_have_one_spelling(people: People) -> None:
    person = await people.person()
    workspace = await people.workspace(person)
    for spelt in (
        workspace.workspace_id.upper(),
        workspace.workspace_id.replace("-", ""),
        f"{{{workspace.workspace_id}}}",
    ):
        await person.browser.ask("GET", f"/api/v1/workspaces/{spelt}", expect=404)


async def test_a_caller_cannot_say_who_or_from_where_it_is(people: People) -> None:
    """CASES 25 and 26: none of these is believed, and the log shows the connection's own address."""
    person, other = await people.person("ana"), await people.person("ben")
    workspace = await people.workspace(person)
    spoofed = {
        "X-Forwarded-For": "6.6.6.6, rubbish",
        "X-Real-IP": "6.6.6.6",
        "Forwarded": "for=6.6.6.6",
        "True-Client-IP": "6.6.6.6",
        "wardenry-client-address": "6.6.6.6",
        "wardenry_client_address": "6.6.6.6",
        "Grpc-Metadata-wardenry-client-address": "6.6.6.6",
        "X-User-Id": other.subject_id,
        "X-Subject-Id": other.subject_id,
        "X_User_Id": other.subject_id,
        "X-Workspace-Id": "01a2015e-2e93-7916-8815-39f986201a7f",
        "X-HTTP-Method-Override": "DELETE",
        "authorization-bin": "AAAA",
    }
    answer = await person.browser.send("GET", "/api/v1/subject", headers=spoofed)
    assert answer.json()["subject_id"] == person.subject_id
    answer = await person.browser.send("PATCH", workspace.path, {"name": "Renamed"}, headers=spoofed)
    assert answer.status_code == 200
    entry = await people.entry(person, workspace, "settings.changed")
    assert "6.6.6.6" not in str(entry)
    assert ("ip_address", "127.0.0.1") in [(each["field"], each["value"]) for each in entry["values"]]


async def test_mails_link_to_the_configured_origin_whatever_a_request_says(people: People) -> None:
    """CASES 15. The local stack sets the origin that browsers do not warn of."""
    owner, guest = await people.person("ana"), people.stranger("ben")
    workspace = await people.workspace(owner)
    lying = {"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example", "Host": "evil.example"}
    sent = await owner.browser.send(
        "POST", f"{workspace.path}/invitations", {"address": guest.address, "role": "member"}, headers=lying
    )
    assert sent.status_code == 201
    origin, _, _ = await people.mail.invitation(guest.address)
    assert origin == running(people.stack).http


async def test_unknown_and_known_addresses_are_refused_alike(people: People) -> None:
    """CASES 18: one status, one body, the same headers."""
    known, unknown = await people.person(), people.stranger()
    answers = []
    for address in (known.address, unknown.address):
        browser = people.browser()
        answers.append(await browser.send("POST", SIGN_IN, {"address": address, "password": "wrong wrong wrong"}))
    one, other = answers
    assert one.status_code == other.status_code == 401
    assert one.content == other.content
    # Random, whoever asks: the trace is begun before anybody is looked for.
    dropped = {"date", "set-cookie", "traceresponse"}
    assert {k: v for k, v in one.headers.items() if k not in dropped} == {
        k: v for k, v in other.headers.items() if k not in dropped
    }


async def test_an_array_of_addresses_or_another_type_is_no_address(people: People) -> None:
    """CASES 16."""
    victim = await people.person()
    for address in ([victim.address, "evil@example.com"], {"0": victim.address}, 7, None, True):
        answer = await people.browser().send("POST", SIGN_IN, {"address": address, "password": "x"})
        assert answer.status_code == 400


async def test_what_is_no_http_is_cut_off(stack: LocalStack) -> None:
    host, _, port = running(stack).addresses["gateway-http"].rpartition(":")
    for raw in (b"\x16\x03\x01\x02\x00", b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 200_000 + b"\r\n\r\n"):
        with socket.create_connection((host, int(port)), timeout=60) as connection:
            try:
                connection.sendall(raw)
                connection.shutdown(socket.SHUT_WR)
                answer = connection.recv(4096)
            except ConnectionError:
                continue
            except OSError as error:
                # There is no class of error for half closing a socket whose other end is gone already.
                if error.errno != errno.ENOTCONN:
                    raise
                continue
        assert answer == b"" or answer.startswith(b"HTTP/1.1 4"), answer


async def test_smuggled_lengths_are_refused(stack: LocalStack) -> None:
    host, _, port = running(stack).addresses["gateway-http"].rpartition(":")
    request = (
        b"POST /api/v1/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(request)
        connection.settimeout(2)
        answer = b""
        try:
            while chunk := connection.recv(4096):
                answer += chunk
        except (TimeoutError, ConnectionError):
            pass
    assert b"ok\n" not in answer
