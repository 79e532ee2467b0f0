"""MembershipService."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from libs.feed.fanout import Fanout, Stream
from libs.rpc.call import call_of
from services.tenancy.commands.membership import Member, MembershipCommands
from services.tenancy.domain.membership import ChangedMembership, MembershipKey, MembershipView
from services.tenancy.server.caller import insider_of
from services.tenancy.server.denial import Denials
from services.tenancy.server.page import position_of, size_of, token_of
from wardenry.events.v1 import envelope_pb2
from wardenry.identity.v1 import vault_pb2
from wardenry.permissions import Permission, Role
from wardenry.tenancy.v1 import membership_pb2, membership_pb2_grpc

#: Changes are kept for 15 minutes and 30 seconds from when they were written. What was committed this long before a
#: read is in it for certain, also when the transaction took a minute to its end.
COVERED: Final = timedelta(minutes=14, seconds=30)
_LIST = "members"
_CHANGE = "/wardenry.tenancy.v1.MembershipService/ChangeRole"
_REMOVE = "/wardenry.tenancy.v1.MembershipService/RemoveMember"


class MembershipHandlers(membership_pb2_grpc.MembershipServiceServicer):
    def __init__(
        self, *, memberships: MembershipCommands, denials: Denials, changes: Fanout[ChangedMembership]
    ) -> None:
        self._memberships = memberships
        self._denials = denials
        self._changes = changes

    async def ListMembers(
        self, request: membership_pb2.ListMembersRequest, context: Any
    ) -> membership_pb2.ListMembersResponse:
        position = position_of(_LIST, request.page_token)
        page = await self._memberships.page(
            insider_of(call_of(context)), after=position.last if position else None, limit=size_of(request.page_size)
        )
        return membership_pb2.ListMembersResponse(
            members=[_member(each) for each in page.items],
            next_page_token=token_of(_LIST, page.items[-1].membership.subject) if page.more else "",
        )

    async def ChangeRole(
        self, request: membership_pb2.ChangeRoleRequest, context: Any
    ) -> membership_pb2.ChangeRoleResponse:
        call = call_of(context)
        async with self._denials.recorded(call, _CHANGE, Permission.MEMBER_UPDATE):
            changed = await self._memberships.change_role(
                insider_of(call), subject=UUID(request.subject_id), role=Role(request.role)
            )
        return membership_pb2.ChangeRoleResponse(member=_member(changed))

    async def RemoveMember(
        self, request: membership_pb2.RemoveMemberRequest, context: Any
    ) -> membership_pb2.RemoveMemberResponse:
        call = call_of(context)
        async with self._denials.recorded(call, _REMOVE, Permission.MEMBER_UPDATE):
            await self._memberships.remove(insider_of(call), subject=UUID(request.subject_id))
        return membership_pb2.RemoveMemberResponse()

    async def GetMemberships(
        self, request: membership_pb2.GetMembershipsRequest, context: Any
    ) -> membership_pb2.GetMembershipsResponse:
        keys = [MembershipKey(workspace=UUID(key.workspace_id), subject=UUID(key.subject_id)) for key in request.keys]
        views, read_at = await self._memberships.views(keys)
        response = membership_pb2.GetMembershipsResponse(memberships=[_membership(view) for view in views])
        response.read_at.FromDatetime(read_at)
        return response

    async def WatchMemberships(
        self, requests: AsyncIterator[membership_pb2.WatchMembershipsRequest], context: Any
    ) -> AsyncIterator[membership_pb2.WatchMembershipsResponse]:
        with self._changes.stream() as stream:
            ticks = asyncio.create_task(_take_ticks(requests, stream))
            try:
                begins = False
                async for update in stream:
                    response = membership_pb2.WatchMembershipsResponse(
                        snapshot=update.snapshot,
                        changes=[_changed(row) for row in update.rows],
                        echo=update.echo,
                        complete=update.complete,
                        number=update.number,
                    )
                    begins = begins or update.snapshot
                    if begins and update.complete:
                        response.covered_from.FromDatetime(update.read_at - COVERED)
                        begins = False
                    yield response
            finally:
                ticks.cancel()


async def _take_ticks(
    requests: AsyncIterator[membership_pb2.WatchMembershipsRequest], stream: Stream[ChangedMembership]
) -> None:
    try:
        async for request in requests:
            stream.arrived(request.tick, applied=request.applied)
    finally:
        # A client that sends nothing any more has gone.
        stream.close()


def _changed(row: ChangedMembership) -> envelope_pb2.MembershipChanged:
    return envelope_pb2.MembershipChanged(
        subject=row.subject.bytes, workspace=row.workspace.bytes, epoch=row.epoch, role=row.role
    )


def _member(member: Member) -> membership_pb2.Member:
    rendered = membership_pb2.Member(
        subject_id=str(member.membership.subject),
        role=member.membership.role,
        display_name=member.contact.name,
        address=member.contact.address,
    )
    rendered.joined_at.FromDatetime(member.membership.joined_at)
    return rendered


def _membership(view: MembershipView) -> membership_pb2.Membership:
    membership, policy = view.membership, view.policy
    return membership_pb2.Membership(
        subject_id=str(membership.subject),
        workspace_id=str(membership.workspace),
        role=membership.role,
        epoch=membership.epoch,
        audit_key=vault_pb2.ReaderPublicKey(
            key=envelope_pb2.KeyReference(key=membership.audit_key.key_id.bytes, version=membership.audit_key.version),
            public_key=membership.audit_key.public,
        ),
        policy=membership_pb2.SessionPolicy(
            idle_seconds=int(policy.idle.total_seconds()), absolute_seconds=int(policy.absolute.total_seconds())
        ),
    )
