"""The whole suite as a newcomer starts it: a page without a certificate warning, and secrets kept apart."""

import ssl
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path

import pytest

from tests.support.stack import LocalStack

SERVICES = ("identity", "session", "tenancy", "audit", "datarights", "gateway")


def answers(connection: HTTPConnection, path: str) -> tuple[int, dict[str, str]]:
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        return response.status, {name.lower(): value for name, value in response.getheaders()}
    finally:
        connection.close()


def test_http_answers_on_localhost_without_pinning_the_browser_to_https(stack: LocalStack) -> None:
    status, headers = answers(HTTPConnection(stack.state["urls"]["http"].removeprefix("http://"), timeout=60), "/")
    assert status in (200, 302, 303, 307)
    assert "strict-transport-security" not in headers


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_https_answers_under_the_authority_of_this_stack(stack: LocalStack, name: str) -> None:
    context = ssl.create_default_context(cafile=stack.state["edge_ca_file"])
    port = int(stack.state["urls"]["https"].rpartition(":")[2])
    status, headers = answers(HTTPSConnection(name, port, timeout=60, context=context), "/healthz")
    assert status == 200
    assert "strict-transport-security" not in headers


def test_each_service_runs_with_its_own_secrets_in_its_environment(stack: LocalStack) -> None:
    secrets = stack.home / "secrets"
    for service in SERVICES:
        told = Path(f"/proc/{stack.pid_of(service)}/environ").read_bytes().decode().split("\0")
        files = [line.partition("=")[2] for line in told if str(secrets) in line]
        strangers = [other for other in SERVICES if other != service]
        assert not [file for file in files if Path(file).relative_to(secrets).parts[0].startswith(tuple(strangers))]
