"""A token verifier that is kept current: keys, revocations and memberships, followed while the block runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc

from wardenry.clock import Clock
from wardenry.errors.status import from_rpc_error
from wardenry.feed import Feed
from wardenry.keys import KeySet
from wardenry.lease import LONGEST
from wardenry.memberships import MembershipSet
from wardenry.revocations import RevocationSet
from wardenry.session.v1 import revocation_pb2, revocation_pb2_grpc, token_pb2, token_pb2_grpc
from wardenry.tenancy.v1 import membership_pb2, membership_pb2_grpc
from wardenry.verifier import TokenVerifier

#: Seconds that session has to answer a question on which a caller waits.
DEADLINE = 2.0


@asynccontextmanager
async def follow(
    *, issuer: str, session: grpc.aio.Channel, tenancy: grpc.aio.Channel, clock: Clock
) -> AsyncIterator[TokenVerifier]:
    """A verifier of `issuer`'s tokens, fed over channels to session and tenancy.

    Neither has to be there: until a feed runs, each check asks session, and raises Unavailable when that does not
    answer.
    """
    tokens = token_pb2_grpc.TokenServiceStub(session)

    async def fetch() -> str:
        try:
            return (await tokens.GetKeys(token_pb2.GetKeysRequest(), timeout=DEADLINE)).jwks
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from error

    async def introspect(token: str) -> bool:
        try:
            # A later answer would be no verdict.
            return (await tokens.Introspect(token_pb2.IntrospectRequest(token=token), timeout=LONGEST)).active
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from error

    keys = KeySet(fetch=fetch, clock=clock)
    revocations, memberships = RevocationSet(clock=clock), MembershipSet(clock=clock)
    following = [
        asyncio.create_task(keys.run(), name="keys"),
        asyncio.create_task(revocation_feed(session, revocations).run(), name="revocations"),
        asyncio.create_task(membership_feed(tenancy, memberships).run(), name="memberships"),
    ]
    try:
        yield TokenVerifier(
            issuer=issuer,
            keys=keys,
            revocations=revocations,
            memberships=memberships,
            introspect=introspect,
            clock=clock,
        )
    finally:
        for task in following:
            task.cancel()
        await asyncio.wait(following)


def revocation_feed(
    session: grpc.aio.Channel, revocations: RevocationSet
) -> Feed[revocation_pb2.WatchRevocationsRequest, revocation_pb2.WatchRevocationsResponse]:
    """Fills the set from session's feed."""
    stub = revocation_pb2_grpc.RevocationServiceStub(session)
    return Feed(
        name="revocations",
        watch=stub.WatchRevocations,
        request=lambda tick, applied: revocation_pb2.WatchRevocationsRequest(tick=tick, applied=applied),
        apply=revocations.apply,
        lease=revocations.lease,
    )


def membership_feed(
    tenancy: grpc.aio.Channel, memberships: MembershipSet
) -> Feed[membership_pb2.WatchMembershipsRequest, membership_pb2.WatchMembershipsResponse]:
    """Fills the set from tenancy's feed."""
    stub = membership_pb2_grpc.MembershipServiceStub(tenancy)
    return Feed(
        name="memberships",
        watch=stub.WatchMemberships,
        request=lambda tick, applied: membership_pb2.WatchMembershipsRequest(tick=tick, applied=applied),
        apply=memberships.apply,
        lease=memberships.lease,
    )
