"""Tenancy over gRPC: rules, errors by their reasons, refusals in the log, pages, and the feed as the SDK follows it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import grpc
import pytest

from libs.events.caller import Caller
from libs.rpc.channel import as_user, open_channel
from libs.rpc.rules import rules_of
from libs.rpc.server import GrpcServer
from libs.telemetry.observer import SilentObserver
from services.tenancy.commands.circumstances import Recorder
from services.tenancy.commands.denial import RecordDenial
from services.tenancy.domain.caller import Insider
from services.tenancy.server.denial import Denials
from services.tenancy.server.errors import ERRORS
from services.tenancy.server.invitation import InvitationHandlers
from services.tenancy.server.membership import MembershipHandlers
from services.tenancy.server.permission import PermissionHandlers
from services.tenancy.server.workspace import WorkspaceHandlers
from tests.support.limits import UNLIMITED
from tests.support.mutual_tls import CertificatesForTests
from tests.support.tenancy import Tenancy, secret_in
from tests.support.tokens import access_token
from wardenry.clock import SystemClock
from wardenry.errors.error import Unauthenticated, WardenryError
from wardenry.memberships import MembershipSet
from wardenry.permissions import Permission, Role
from wardenry.tenancy.v1 import (
    invitation_pb2,
    invitation_pb2_grpc,
    membership_pb2,
    membership_pb2_grpc,
    permission_pb2,
    permission_pb2_grpc,
    workspace_pb2,
    workspace_pb2_grpc,
)
from wardenry.tokens import AccessToken
from wardenry.verification import membership_feed

CONTRACTS = (workspace_pb2, membership_pb2, invitation_pb2, permission_pb2)


@dataclass
class KnownTokens:
    """Judges the tokens that the test made."""

    known: dict[str, AccessToken] = field(default_factory=dict)

    async def verify(self, token: str, *, audience: str) -> AccessToken:
        if token not in self.known or audience != "wardenry":
            raise Unauthenticated("The access token is not good.")
        return self.known[token]


class Served:
    """Tenancy's server, and its callers."""

    def __init__(self, *, tenancy: Tenancy, certificates: CertificatesForTests) -> None:
        self.tenancy = tenancy
        self._certificates = certificates
        self._tokens = KnownTokens()
        services = [each for contract in CONTRACTS for each in contract.DESCRIPTOR.services_by_name.values()]
        denials = Denials(
            record=RecordDenial(
                store=tenancy.store, recorder=Recorder(ids=tenancy.ids, clock=tenancy.clock, vault=tenancy.vault)
            ),
            permissions={method: rule.permission for method, rule in rules_of(services).items()},
        )
        self.server = GrpcServer(
            listen="127.0.0.1:0",
            tls=certificates.of("tenancy"),
            errors=ERRORS,
            verifier=self._tokens,
            clock=SystemClock(),
            observer=SilentObserver(),
            limits=UNLIMITED,
            on_denied=denials.refused,
            grace=1.0,
        )
        self.server.add(
            workspace_pb2_grpc.add_WorkspaceServiceServicer_to_server,
            WorkspaceHandlers(workspaces=tenancy.workspaces, denials=denials),
        )
        self.server.add(
            membership_pb2_grpc.add_MembershipServiceServicer_to_server,
            MembershipHandlers(memberships=tenancy.memberships, denials=denials, changes=tenancy.fanout),
        )
        self.server.add(
            invitation_pb2_grpc.add_InvitationServiceServicer_to_server,
            InvitationHandlers(invitations=tenancy.invitations, offers=tenancy.offers, denials=denials),
        )
        self.server.add(
            permission_pb2_grpc.add_PermissionServiceServicer_to_server,
            PermissionHandlers(permissions=tenancy.permissions),
        )
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> "Served":
        await self._stack.enter_async_context(self.server)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._stack.aclose()

    async def channel(self, caller: str = "gateway") -> grpc.aio.Channel:
        return await self._stack.enter_async_context(
            open_channel(
                target=f"127.0.0.1:{self.server.port}",
                peer="tenancy",
                tls=self._certificates.of(caller),
                observer=SilentObserver(),
            )
        )

    def token(self, who: Caller | Insider) -> tuple[tuple[str, str], ...]:
        """Metadata of a call with a token of this person."""
        caller = who.caller if isinstance(who, Insider) else who
        inside = {"workspace": who.workspace, "role": who.role} if isinstance(who, Insider) else {}
        claims: dict[str, Any] = {"workspace": None, "role": None, "membership_epoch": None, **inside}
        name = f"token-{len(self._tokens.known)}"
        self._tokens.known[name] = access_token(subject=caller.subject, session=caller.session, **claims)
        return as_user(name)


@pytest.fixture
async def served(tenancy: Tenancy, certificates: CertificatesForTests) -> AsyncIterator[Served]:
    async with Served(tenancy=tenancy, certificates=certificates) as served:
        yield served


async def test_the_way_into_a_workspace(served: Served) -> None:
    tenancy, channel = served.tenancy, await served.channel()
    workspaces = workspace_pb2_grpc.WorkspaceServiceStub(channel)
    invitations = invitation_pb2_grpc.InvitationServiceStub(channel)
    ada, bob = tenancy.person("Ada"), tenancy.person("Bob")
    wanted = str(tenancy.ids.uuid7())
    created = await workspaces.CreateWorkspace(
        workspace_pb2.CreateWorkspaceRequest(workspace_id=wanted, name="Engines", slug="engines"),
        metadata=served.token(ada),
    )
    assert (created.workspace.workspace_id, created.workspace.role, created.workspace.region) == (wanted, "owner", "eu")
    owner = Insider(caller=ada, workspace=UUID(wanted), role=Role.OWNER)
    resolved = await workspaces.ResolveWorkspace(workspace_pb2.ResolveWorkspaceRequest(slug="engines"))
    assert (resolved.workspace_id, resolved.name) == (wanted, "Engines")
    invitation = str(tenancy.ids.uuid7())
    await invitations.CreateInvitation(
        invitation_pb2.CreateInvitationRequest(invitation_id=invitation, address="bob@example.com", role="manager"),
        metadata=served.token(owner),
    )
    await tenancy.work.mail_invitations()
    accepted = await invitations.AcceptInvitation(
        invitation_pb2.AcceptInvitationRequest(invitation_id=invitation, secret=secret_in(tenancy.mailer.sent[0])),
        metadata=served.token(bob),
    )
    assert (accepted.workspace_id, accepted.slug, accepted.role) == (wanted, "engines", "manager")
    mine = await workspaces.ListWorkspaces(workspace_pb2.ListWorkspacesRequest(), metadata=served.token(bob))
    assert [(each.slug, each.role) for each in mine.workspaces] == [("engines", "manager")]
    renamed = await workspaces.UpdateWorkspace(
        workspace_pb2.UpdateWorkspaceRequest(name="Difference"), metadata=served.token(owner)
    )
    assert renamed.workspace.name == "Difference"
    *_, event = await tenancy.recorded(UUID(wanted))
    assert event.traceparent is not None


async def test_pages_go_on_where_they_ended(served: Served) -> None:
    tenancy, channel = served.tenancy, await served.channel()
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    for number in range(3):
        await tenancy.invited(owner, f"p{number}@example.com", Role.MEMBER)
    stub = invitation_pb2_grpc.InvitationServiceStub(channel)
    shown, token = [], ""
    while True:
        page = await stub.ListInvitations(
            invitation_pb2.ListInvitationsRequest(page_size=2, page_token=token), metadata=served.token(owner)
        )
        shown += [each.address for each in page.invitations]
        token = page.next_page_token
        if not token:
            break
    assert sorted(shown) == ["p0@example.com", "p1@example.com", "p2@example.com"]
    members = membership_pb2_grpc.MembershipServiceStub(channel)
    with pytest.raises(WardenryError) as refusal:
        await members.ListMembers(
            membership_pb2.ListMembersRequest(page_token="nonsense"), metadata=served.token(owner)
        )
    assert refusal.value.reason_name == "REASON_PAGE_TOKEN_INVALID"


async def test_a_refusal_by_the_tokens_role_is_recorded(served: Served) -> None:
    tenancy, channel = served.tenancy, await served.channel()
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    member = await tenancy.joined(owner, tenancy.person("Bob"), Role.MEMBER)
    stub = invitation_pb2_grpc.InvitationServiceStub(channel)
    with pytest.raises(WardenryError) as refusal:
        await stub.ListInvitations(invitation_pb2.ListInvitationsRequest(), metadata=served.token(member))
    assert (refusal.value.code, refusal.value.reason_name) == (
        grpc.StatusCode.PERMISSION_DENIED,
        "REASON_PERMISSION_DENIED",
    )
    *_, event = await tenancy.recorded(owner.workspace)
    assert (event.action, event.leaf.actor.id) == ("permission.denied", member.caller.subject.bytes)
    assert dict(event.leaf.details) == {
        "permission": "invitation.read",
        "rpc": "/wardenry.tenancy.v1.InvitationService/ListInvitations",
    }


async def test_a_refusal_by_the_databases_role_is_recorded_too(served: Served) -> None:
    tenancy, channel = served.tenancy, await served.channel()
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    member = await tenancy.joined(owner, tenancy.person("Bob"), Role.MEMBER)
    admin = await tenancy.joined(owner, tenancy.person("Cid"), Role.ADMIN)
    stub = membership_pb2_grpc.MembershipServiceStub(channel)
    for who, reason in ((member, "REASON_PERMISSION_DENIED"), (admin, "REASON_ROLE_ABOVE_OWN")):
        with pytest.raises(WardenryError) as refusal:
            await stub.RemoveMember(
                membership_pb2.RemoveMemberRequest(subject_id=str(owner.caller.subject)), metadata=served.token(who)
            )
        assert refusal.value.reason_name == reason
        *_, event = await tenancy.recorded(owner.workspace)
        assert (event.action, event.leaf.actor.id) == ("permission.denied", who.caller.subject.bytes)


async def test_errors_arrive_with_their_reasons(served: Served) -> None:
    tenancy, channel = served.tenancy, await served.channel()
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    workspaces = workspace_pb2_grpc.WorkspaceServiceStub(channel)
    members = membership_pb2_grpc.MembershipServiceStub(channel)
    invitations = invitation_pb2_grpc.InvitationServiceStub(channel)
    as_owner, someone = served.token(owner), str(tenancy.ids.uuid7())
    ada = str(owner.caller.subject)
    calls: list[tuple[Callable[[], Any], str]] = [
        (
            lambda: workspaces.CreateWorkspace(
                workspace_pb2.CreateWorkspaceRequest(workspace_id=someone, name="Engines", slug="engines"),
                metadata=as_owner,
            ),
            "REASON_ALREADY_EXISTS",
        ),
        (
            lambda: workspaces.CreateWorkspace(
                workspace_pb2.CreateWorkspaceRequest(workspace_id=someone, name="a\u202eb", slug="other"),
                metadata=as_owner,
            ),
            "REASON_FIELD_INVALID",
        ),
        (
            lambda: workspaces.ResolveWorkspace(workspace_pb2.ResolveWorkspaceRequest(slug="nowhere")),
            "REASON_NOT_FOUND",
        ),
        (
            lambda: members.RemoveMember(membership_pb2.RemoveMemberRequest(subject_id=ada), metadata=as_owner),
            "REASON_LAST_OWNER",
        ),
        (
            lambda: members.ChangeRole(
                membership_pb2.ChangeRoleRequest(subject_id=someone, role="member"), metadata=as_owner
            ),
            "REASON_NOT_FOUND",
        ),
        (
            lambda: invitations.CreateInvitation(
                invitation_pb2.CreateInvitationRequest(invitation_id=someone, address="nobody", role="member"),
                metadata=as_owner,
            ),
            "REASON_FIELD_INVALID",
        ),
        (
            lambda: invitations.AcceptInvitation(
                invitation_pb2.AcceptInvitationRequest(invitation_id=someone, secret=bytes(32)), metadata=as_owner
            ),
            "REASON_INVITATION_INVALID",
        ),
        (
            lambda: workspaces.GetWorkspace(workspace_pb2.GetWorkspaceRequest(), metadata=served.token(owner.caller)),
            "REASON_WORKSPACE_REQUIRED",
        ),
    ]
    for call, reason in calls:
        with pytest.raises(WardenryError) as refusal:
            await call()
        assert refusal.value.reason_name == reason


async def test_session_and_services_ask_without_a_token_and_nobody_else_does(served: Served) -> None:
    tenancy = served.tenancy
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    asked = membership_pb2.GetMembershipsRequest(
        keys=[
            membership_pb2.GetMembershipsRequest.Key(
                subject_id=str(owner.caller.subject), workspace_id=str(owner.workspace)
            )
        ]
    )
    answer = await membership_pb2_grpc.MembershipServiceStub(await served.channel("session")).GetMemberships(asked)
    (membership,) = answer.memberships
    assert (membership.role, membership.epoch, membership.policy.idle_seconds) == ("owner", 1, 14 * 86_400)
    assert len(membership.audit_key.public_key) == 32
    assert answer.HasField("read_at")
    for peer in ("gateway", "records"):
        with pytest.raises(WardenryError) as refusal:
            await membership_pb2_grpc.MembershipServiceStub(await served.channel(peer)).GetMemberships(asked)
        assert refusal.value.reason_name == "REASON_PEER_NOT_ALLOWED"
    questions = [
        permission_pb2.PermissionQuestion(
            subject_id=str(owner.caller.subject), workspace_id=str(owner.workspace), permission=permission
        )
        for permission in (Permission.MEMBER_UPDATE, "no.such")
    ]
    permissions = permission_pb2_grpc.PermissionServiceStub(await served.channel("records"))
    checked = await permissions.CheckPermissions(permission_pb2.CheckPermissionsRequest(questions=questions))
    assert list(checked.allowed) == [True, False]


async def test_a_changed_membership_is_refused_from_the_acknowledgement_on(served: Served) -> None:
    tenancy = served.tenancy
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    member = await tenancy.joined(owner, tenancy.person("Bob"), Role.MEMBER)
    clock = SystemClock()
    sets = [MembershipSet(clock=clock) for _ in range(3)]
    tasks = [asyncio.create_task(membership_feed(await served.channel("records"), known).run()) for known in sets]
    token = access_token(subject=member.caller.subject, workspace=owner.workspace, role=Role.MEMBER, membership_epoch=1)
    try:
        async with asyncio.timeout(10):
            while not all(known.lease.is_fresh(clock.monotonic()) for known in sets):  # noqa: ASYNC110 - time alone tells
                await asyncio.sleep(0.02)
            assert not any(known.refuses(token) for known in sets)
            await tenancy.memberships.change_role(owner, subject=member.caller.subject, role=Role.MANAGER)
            # Or there is no lease under which it would pass.
            assert not any(k.lease.is_fresh(clock.monotonic()) and not k.refuses(token) for k in sets)
            token = access_token(
                subject=member.caller.subject, workspace=owner.workspace, role=Role.MANAGER, membership_epoch=2
            )
            assert not any(known.refuses(token) for known in sets)
            await tenancy.memberships.remove(owner, subject=member.caller.subject)
            assert not any(k.lease.is_fresh(clock.monotonic()) and not k.refuses(token) for k in sets)
    finally:
        for task in tasks:
            task.cancel()


async def test_a_snapshot_says_from_when_on_it_is_complete(served: Served) -> None:
    tenancy = served.tenancy
    owner = await tenancy.workspace(tenancy.person("Ada"), "engines")
    stub = membership_pb2_grpc.MembershipServiceStub(await served.channel("session"))
    stream = stub.WatchMemberships()
    await stream.write(membership_pb2.WatchMembershipsRequest(tick=7))
    first = await stream.read()
    assert isinstance(first, membership_pb2.WatchMembershipsResponse)
    assert (first.snapshot, first.complete) == (True, True)
    assert [UUID(bytes=change.subject) for change in first.changes] == [owner.caller.subject]
    (row,) = await tenancy.as_administrator("SELECT now() - interval '14 minutes' AS some_time_ago")
    assert first.covered_from.ToNanoseconds() / 1e9 < row["some_time_ago"].timestamp()
    echo = first.echo
    while echo != 7:
        update = await stream.read()
        assert isinstance(update, membership_pb2.WatchMembershipsResponse)
        assert not update.HasField("covered_from")
        echo = update.echo
    await stream.done_writing()
    async with asyncio.timeout(30):
        while await stream.read() is not grpc.aio.EOF:
            pass
