"""Tenancy's memberships, asked for over gRPC."""

from collections.abc import Collection, Mapping
from datetime import UTC, timedelta
from uuid import UUID

from services.session.clients.reader_key import reader_key_of
from services.session.clients.refusal import unavailable_as
from services.session.domain.membership import Membership, SessionPolicy, Standing
from wardenry.tenancy.v1 import membership_pb2, membership_pb2_grpc

_TIMEOUT_SECONDS = 2.0


class GrpcMemberships:
    def __init__(self, *, stub: "membership_pb2_grpc.MembershipServiceAsyncStub") -> None:
        self._stub = stub

    async def get(self, keys: Collection[tuple[UUID, UUID]]) -> Mapping[tuple[UUID, UUID], Membership]:
        request = membership_pb2.GetMembershipsRequest(
            keys=[
                membership_pb2.GetMembershipsRequest.Key(subject_id=str(subject), workspace_id=str(workspace))
                for subject, workspace in keys
            ]
        )
        with unavailable_as("tenancy"):
            answer = await self._stub.GetMemberships(request, timeout=_TIMEOUT_SECONDS)
        checked_at = answer.read_at.ToDatetime(UTC)
        memberships = [
            Membership(
                subject=UUID(each.subject_id),
                workspace=UUID(each.workspace_id),
                standing=Standing(role=each.role, epoch=each.epoch, checked_at=checked_at),
                audit_key=reader_key_of(each.audit_key),
                policy=SessionPolicy(
                    idle=timedelta(seconds=each.policy.idle_seconds),
                    absolute=timedelta(seconds=each.policy.absolute_seconds),
                ),
            )
            for each in answer.memberships
        ]
        return {(membership.subject, membership.workspace): membership for membership in memberships}
