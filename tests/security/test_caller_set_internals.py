"""Case 25: a caller that sets what only we may set. No header names a user, a tenant or a service."""

from collections.abc import AsyncIterator

import pytest

from libs.events.client import Client
from libs.rpc.channel import as_user
from libs.rpc.client_details import client_of, metadata_of
from tests.integration.rpc.workspaces import ServerForTests
from tests.support.mutual_tls import CertificatesForTests
from tests.support.tokens import SUBJECT, WORKSPACE, access_token
from wardenry.errors.error import PermissionDenied, Unauthenticated, WardenryError
from wardenry.permissions import Role
from wardenry.tenancy.v1 import workspace_pb2

UPDATE = workspace_pb2.UpdateWorkspaceRequest(name="Acme")
SOMEBODY = "0192f0c0-0000-7000-8000-0000000000ee"
#: Headers by which other products let a caller say who it is.
FORGED = [
    ("x-user-id", SOMEBODY),
    ("x_user_id", SOMEBODY),
    ("x-tenant-id", SOMEBODY),
    ("x-workspace-id", SOMEBODY),
    ("x-forwarded-user", "admin"),
    ("x-forwarded-for", "203.0.113.9"),
    ("grpc-metadata-x-user-id", SOMEBODY),
    ("wardenry-subject", SOMEBODY),
    ("wardenry-workspace", SOMEBODY),
    ("wardenry-role", "owner"),
    ("wardenry-peer", "gateway"),
    ("peer", "gateway"),
    ("x-forwarded-client-cert", "URI=gateway"),
]


@pytest.fixture
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerForTests]:
    server = ServerForTests(certificates=CertificatesForTests(directory=tmp_path_factory.mktemp("pki")))
    async with server.server:
        yield server
    await server.close()


async def test_headers_name_nobody(server: ServerForTests) -> None:
    every: list[tuple[str, str | bytes]] = [*FORGED, ("x-user-id-bin", b"\x01")]
    for forged in every:
        with pytest.raises(Unauthenticated):
            await server.stub().UpdateWorkspace(UPDATE, metadata=(forged,))
    assert server.workspaces.calls == []


async def test_headers_change_nothing_about_a_token(server: ServerForTests) -> None:
    server.verifier.known["member", "wardenry"] = access_token(role=Role.MEMBER)
    forged = tuple(FORGED)
    with pytest.raises(PermissionDenied):
        await server.stub().UpdateWorkspace(UPDATE, metadata=(*as_user("member"), *forged))
    await server.stub().UpdateWorkspace(UPDATE, metadata=(*as_user("good"), *forged))
    (call,) = server.workspaces.calls
    assert (call.peer, call.user.subject, call.user.workspace) == ("gateway", SUBJECT, WORKSPACE)
    assert (call.client.address, call.client.agent, call.client.country) == ("", "", "")


async def test_headers_do_not_make_a_service_of_another(server: ServerForTests) -> None:
    with pytest.raises(PermissionDenied):
        await server.stub("records").ResolveWorkspace(
            workspace_pb2.ResolveWorkspaceRequest(slug="acme"), metadata=tuple(FORGED)
        )


@pytest.mark.parametrize("value", ["good", "Basic good", "Bearer", "bearergood", "", "Bearer good, Bearer good"])
async def test_only_a_bearer_is_a_token(server: ServerForTests, value: str) -> None:
    with pytest.raises(Unauthenticated):
        await server.stub().UpdateWorkspace(UPDATE, metadata=(("authorization", value),))


async def test_two_tokens_are_none(server: ServerForTests) -> None:
    """Whoever stands in between may have checked the other one."""
    server.verifier.known["member", "wardenry"] = access_token(role=Role.MEMBER)
    for first, second in (("good", "member"), ("member", "good"), ("good", "good")):
        with pytest.raises(WardenryError):
            await server.stub().UpdateWorkspace(UPDATE, metadata=(*as_user(first), *as_user(second)))
    assert server.workspaces.calls == []


@pytest.mark.parametrize("peer", ["records", "identity", "session", "operator", "gateway2", "Gateway", ""])
def test_the_gateway_alone_is_believed_about_its_client(peer: str) -> None:
    metadata = dict(metadata_of(Client(address="203.0.113.9", agent="curl", country="FR", device="0f" * 16)))
    assert client_of("gateway", metadata).address == "203.0.113.9"
    assert client_of(peer, metadata) == Client()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("wardenry-client-address", "localhost"),
        ("wardenry-client-address", "203.0.113.9, 10.0.0.1"),
        ("wardenry-client-address", "' OR 1=1"),
        ("wardenry-client-country", "fr"),
        ("wardenry-client-country", "FRA"),
        ("wardenry-client-country", "ÄÖ"),
        ("wardenry-client-device", "0f"),
        ("wardenry-client-device", "0F" * 16),
        ("wardenry-client-device", "0f" * 16 + "\n"),
    ],
)
def test_what_is_no_address_country_or_device_is_unknown(name: str, value: str) -> None:
    assert client_of("gateway", {name: value}) == Client()


def test_a_megabyte_of_user_agent_is_cut() -> None:
    details = client_of("gateway", {"wardenry-client-agent": "%C3%BC" * 200_000})
    assert details.agent == "ü" * 1024
