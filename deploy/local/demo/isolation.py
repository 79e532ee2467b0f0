"""A member of one workspace gets nothing of the other: not over HTTPS, not over gRPC, not in SQL."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import grpc

from deploy.local.demo import databases
from deploy.local.demo.scene import Person, Scene, Team
from deploy.local.demo.story import records_token, require
from libs.rpc.channel import as_user, open_channel
from libs.telemetry.observer import SilentObserver
from wardenry.audit.v1.entry_pb2 import EntryFilter, ListEntriesRequest
from wardenry.audit.v1.entry_pb2_grpc import EntryServiceStub
from wardenry.credentials import TlsFiles
from wardenry.errors.error import Unavailable, WardenryError
from wardenry.session.v1.session_pb2 import RevokeSessionRequest
from wardenry.session.v1.session_pb2_grpc import SessionServiceStub
from wardenry.session.v1.token_pb2 import CreateGrantRequest
from wardenry.session.v1.token_pb2_grpc import TokenServiceStub
from wardenry.tenancy.v1.invitation_pb2 import RevokeInvitationRequest
from wardenry.tenancy.v1.invitation_pb2_grpc import InvitationServiceStub
from wardenry.tenancy.v1.membership_pb2 import ChangeRoleRequest, ListMembersRequest, RemoveMemberRequest
from wardenry.tenancy.v1.membership_pb2_grpc import MembershipServiceStub

Metadata = tuple[tuple[str, str], ...]


async def over_https(scene: Scene) -> None:
    """The other workspace answers as one that does not exist, whatever is asked of it, and by whomever."""
    atlas, borealis = scene.teams
    nowhere = str(scene.ids.uuid7())
    invitation_id = await open_invitation(atlas)
    subject_id = atlas.guest.subject_id
    tries: tuple[tuple[str, str, dict[str, Any] | None], ...] = (
        ("GET", "", None),
        ("PATCH", "", {"name": "Ours"}),
        ("POST", "/grants", None),
        ("POST", "/tokens", {"audience": "records"}),
        ("GET", "/members", None),
        ("PUT", f"/members/{subject_id}/role", {"role": "member"}),
        ("DELETE", f"/members/{subject_id}", None),
        ("GET", "/invitations", None),
        ("POST", "/invitations", {"address": borealis.guest.address, "role": "owner"}),
        ("DELETE", f"/invitations/{invitation_id}", None),
        ("GET", "/audit/entries", None),
        ("GET", "/audit/checkpoint", None),
        ("GET", "/audit/inclusion?index=0", None),
        ("POST", "/audit/exports", {"format": "jsonl"}),
    )
    outsider = borealis.owner.browser
    token = outsider.cookie("access", borealis.workspace_id)
    for planted in (False, True):
        for method, path, body in tries:
            answers = []
            for workspace_id in (atlas.workspace_id, nowhere):
                if planted:
                    outsider.plant("access", workspace_id, token)
                    outsider.plant("refresh", workspace_id, token)
                answers.append(await outsider.patiently(method, f"/api/v1/workspaces/{workspace_id}{path}", body))
            here, there = answers
            what = f"{method} {path or '/'}"
            require(here.status_code in (401, 404), f"{what} of the other workspace answered {here.status_code}")
            require(here.content == there.content, f"{what} tells the other workspace from one that does not exist")
            require_nothing_of(atlas, here.text, what)
        how = "with the own token under the other's cookie" if planted else "without a token for it"
        scene.fact(f"{borealis.owner.name}, {how}: {len(tries)} requests, each answered as for no workspace at all")
    left = await atlas.owner.browser.ask("GET", f"{atlas.path}/invitations", expect=200)
    require(
        invitation_id in [each["invitation_id"] for each in left["invitations"]], "the invitation must be untouched"
    )
    await atlas.owner.browser.ask("DELETE", f"{atlas.path}/invitations/{invitation_id}", expect=204)


async def over_grpc(scene: Scene) -> None:
    """Under the gateway's own certificate, the outsider's token reaches the outsider's workspace alone; and more."""
    atlas, borealis = scene.teams
    outsider = borealis.owner
    metadata = (
        *as_user(await fresh_token(borealis, outsider)),
        # What a service might be fooled by that looked for its tenant in a header.
        ("x-workspace-id", atlas.workspace_id),
        ("x-user-id", atlas.owner.subject_id),
    )
    listed = await atlas.owner.browser.ask("GET", "/api/v1/sessions", expect=200)
    invitation_id = await open_invitation(atlas)
    async with (
        channel(scene, "tenancy") as tenancy,
        channel(scene, "session") as session,
        channel(scene, "audit") as audit,
    ):
        members = MembershipServiceStub(tenancy)
        mine = await members.ListMembers(ListMembersRequest(), metadata=metadata)
        ids = {member.subject_id for member in mine.members}
        require(ids == {borealis.owner.subject_id, borealis.guest.subject_id}, "the own members, and no others")
        entries = await EntryServiceStub(audit).ListEntries(
            ListEntriesRequest(filter=EntryFilter(subject_id=atlas.owner.subject_id)), metadata=metadata
        )
        require(not entries.entries, "no entry about a person of the other workspace")
        scene.fact(f"{outsider.name}'s token lists {borealis.name}'s {len(ids)} members, and no entry of {atlas.name}")
        with refused("NOT_FOUND"):
            await members.ChangeRole(
                ChangeRoleRequest(subject_id=atlas.guest.subject_id, role="member"), metadata=metadata
            )
        with refused("NOT_FOUND"):
            await members.RemoveMember(RemoveMemberRequest(subject_id=atlas.guest.subject_id), metadata=metadata)
        with refused("NOT_FOUND"):
            await InvitationServiceStub(tenancy).RevokeInvitation(
                RevokeInvitationRequest(invitation_id=invitation_id), metadata=metadata
            )
        with refused("NOT_FOUND"):
            await SessionServiceStub(session).RevokeSession(
                RevokeSessionRequest(session_id=listed["sessions"][0]["session_id"]), metadata=metadata
            )
        with refused("NOT_FOUND"):
            await TokenServiceStub(session).CreateGrant(
                CreateGrantRequest(
                    grant_id=str(scene.ids.uuid7()), workspace_id=atlas.workspace_id, device_binding=b"d" * 32
                ),
                metadata=metadata,
            )
        scene.fact("changing, removing, revoking and opening by the other workspace's ids: not found, each")
        products = as_user(await records_token(borealis, outsider))
        with refused("TOKEN_INVALID"):
            await members.ListMembers(ListMembersRequest(), metadata=products)
        scene.fact("a token for the example service is no good at tenancy")
    async with channel(scene, "tenancy", own="records") as tenancy:
        with refused("PEER_NOT_ALLOWED"):
            await MembershipServiceStub(tenancy).ListMembers(ListMembersRequest(), metadata=metadata)
    scene.fact("the example service's certificate may not list members, whatever token it brings")
    await without_certificate(scene, metadata)
    scene.fact("without a certificate there is no connection")
    await atlas.owner.browser.ask("DELETE", f"{atlas.path}/invitations/{invitation_id}", expect=204)


async def in_sql(scene: Scene) -> None:
    """Under each service's own role, with the outsider's context: every tenant table, every command."""
    atlas, borealis = scene.teams
    for service in ("identity", "session", "tenancy", "audit"):
        url = (scene.stack.home / "secrets" / f"{service}_runtime.url").read_text()
        found = await databases.look(url, own=ids_of(borealis), other=ids_of(atlas))
        require(found.own > 0, f"{service}'s own rows must be visible, or nothing is shown")
        require(found.foreign == 0, f"{service}: {found.foreign} rows of the other workspace are visible")
        require(found.without_context == 0, f"{service}: {found.without_context} rows are visible without a context")
        require(found.changed == 0, f"{service}: {found.changed} rows of the other workspace can be changed")
        scene.fact(
            f"{service}_runtime: {found.tables} tables, {found.own} rows of {borealis.name}, 0 of {atlas.name},"
            f" 0 without a context; {found.commands} attempts to change, 0 rows changed"
        )


async def open_invitation(team: Team) -> str:
    answer = await team.owner.browser.ask(
        "POST", f"{team.path}/invitations", {"address": f"new.{team.slug}@example.com", "role": "member"}, expect=201
    )
    invitation_id: str = answer["invitation"]["invitation_id"]
    return invitation_id


async def fresh_token(team: Team, person: Person) -> str:
    """The person's access token of the workspace, as it is in the browser's cookie after a request that needs it."""
    await person.browser.ask("GET", team.path, expect=200)
    return person.browser.cookie("access", team.workspace_id)


def ids_of(team: Team) -> databases.Tenant:
    return databases.Tenant(workspace=team.workspace_id, subjects=(team.owner.subject_id, team.guest.subject_id))


def require_nothing_of(team: Team, text: str, what: str) -> None:
    for secret in (team.name, team.slug, team.owner.address, team.guest.address, team.owner.subject_id):
        require(secret not in text, f"{what} tells {secret!r} of the other workspace")


@asynccontextmanager
async def channel(scene: Scene, service: str, *, own: str = "gateway") -> AsyncIterator[grpc.aio.Channel]:
    """A channel to a service under the certificate of `own`."""
    pki = scene.stack.pki
    tls = TlsFiles(ca_file=pki / "ca.crt", certificate_file=pki / f"{own}.crt", key_file=pki / f"{own}.key")
    opened = open_channel(target=scene.stack.addresses[service], peer=service, tls=tls, observer=SilentObserver())
    try:
        yield opened
    finally:
        await opened.close()


@contextmanager
def refused(reason: str) -> Iterator[None]:
    """What is inside must be refused for that reason."""
    try:
        yield
    except WardenryError as error:
        got = error.reason_name.removeprefix("REASON_")
        require(got == reason, f"the call must be refused with {reason}, was with {got}: {error.message}")
    else:
        require(False, f"the call must be refused with {reason}, and was served")


async def without_certificate(scene: Scene, metadata: Metadata) -> None:
    """A client that trusts our authority and has no certificate of it gets no answer."""
    credentials = grpc.ssl_channel_credentials(root_certificates=(scene.stack.pki / "ca.crt").read_bytes())
    options = [("grpc.ssl_target_name_override", "tenancy")]
    async with grpc.aio.secure_channel(scene.stack.addresses["tenancy"], credentials, options=options) as bare:
        call: Callable[..., Awaitable[Any]] = MembershipServiceStub(bare).ListMembers
        try:
            await call(ListMembersRequest(), metadata=metadata, timeout=5)
        except (grpc.aio.AioRpcError, Unavailable) as error:
            code = error.code() if isinstance(error, grpc.aio.AioRpcError) else error.code
            require(code is grpc.StatusCode.UNAVAILABLE, f"there must be no connection, there was an answer: {code}")
        else:
            require(False, "a client without a certificate was served")
