"""The local plain HTTP by an address instead of its name."""

import httpx2
import pytest

from tests.support.running_stack import running
from tests.support.stack import LocalStack


async def ask(stack: LocalStack, method: str, path: str, host: str) -> httpx2.Response:
    """The answer of the plain HTTP listener to a request for `host`, whatever that is."""
    listener = running(stack).addresses["gateway-http"]
    port = listener.rpartition(":")[2]
    async with httpx2.AsyncClient(timeout=60) as client:
        return await client.request(method, f"http://{listener}{path}", headers={"Host": host.format(port=port)})


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "127.0.0.1", "127.1.2.3:{port}", "[::1]:{port}", "[::1]"])
@pytest.mark.parametrize("path", ["/", "/w/a%2Fb?page=%20x", "//evil.example/", "/static/style.css"])
async def test_an_address_of_this_machine_is_sent_to_its_name(stack: LocalStack, host: str, path: str) -> None:
    for method in ("GET", "HEAD"):
        answer = await ask(stack, method, path, host)
        assert answer.status_code == 308
        assert answer.headers["location"] == running(stack).http + path
        assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("host", ["localhost:{port}", "127.0.0.1.evil.example", "192.0.2.1:{port}", "evil.example"])
async def test_every_other_host_is_answered_as_ever(stack: LocalStack, host: str) -> None:
    assert (await ask(stack, "GET", "/sign-in", host)).status_code == 200


async def test_forms_are_refused_there_and_not_redirected(stack: LocalStack) -> None:
    answer = await ask(stack, "POST", "/sign-in", "127.0.0.1:{port}")
    assert answer.status_code == 415
    answer = await ask(stack, "DELETE", "/api/v1/sessions/current", "127.0.0.1:{port}")
    assert (answer.status_code, answer.json()["reason"]) == (403, "PERMISSION_DENIED")


async def test_https_knows_nothing_of_it(stack: LocalStack) -> None:
    here = running(stack)
    port = here.https.rpartition(":")[2]
    async with httpx2.AsyncClient(verify=False, timeout=60) as client:
        answer = await client.get(f"https://127.0.0.1:{port}/sign-in")
    assert answer.status_code == 200
