"""Warrants: signed for what a person authorized, and for nothing else."""

from datetime import timedelta

import pytest

from services.session.commands.warrant import AuthorizeRequest, ForgetRequest, IssueWarrant
from services.session.domain.errors import WarrantExists, WarrantNotFound
from services.session.domain.warrant import Authorization
from services.session.store.past import PostgresPast
from tests.support.session import ISSUER, LIFE, SessionForTests
from wardenry.errors.error import PermissionDenied, Unauthenticated
from wardenry.warrants import ACCESS, ERASURE, WarrantVerifier


def authorize(session: SessionForTests) -> AuthorizeRequest:
    return AuthorizeRequest(work=session.work)


def issue(session: SessionForTests) -> IssueWarrant:
    return IssueWarrant(work=session.work, keys=session.keys, issuer=ISSUER, life=LIFE, clock=session.clock)


async def test_a_warrant_is_signed_for_what_was_authorized_alone(session: SessionForTests) -> None:
    anna, other, request = (session.ids.uuid7() for _ in range(3))
    with pytest.raises(WarrantNotFound):
        await issue(session)(subject=anna, request=request)
    await authorize(session)(Authorization(subject=anna, request=request, right=ACCESS))
    warrant, expires_at = await issue(session)(subject=anna, request=request)
    verifier = WarrantVerifier(issuer=ISSUER, keys=session.keys, clock=session.clock)
    found = await verifier.verify(warrant, subject=anna, right=ACCESS)
    assert (found.request, found.expires_at) == (request, expires_at)
    with pytest.raises(PermissionDenied):
        await verifier.verify(warrant, subject=anna, right=ERASURE)
    with pytest.raises(WarrantNotFound):
        await issue(session)(subject=other, request=request)
    with pytest.raises(Unauthenticated):
        session.reader.read(warrant)
    tokens = await session.sign_in(anna)
    with pytest.raises(PermissionDenied):
        await verifier.verify(tokens.access_token, subject=anna, right=ACCESS)


async def test_one_request_is_authorized_for_one_right(session: SessionForTests) -> None:
    anna, request = session.ids.uuid7(), session.ids.uuid7()
    for _ in range(2):
        await authorize(session)(Authorization(subject=anna, request=request, right=ACCESS))
    with pytest.raises(WarrantExists):
        await authorize(session)(Authorization(subject=anna, request=request, right=ERASURE))


async def test_no_warrant_is_signed_for_a_request_that_is_over(session: SessionForTests) -> None:
    anna, ben, request, other = (session.ids.uuid7() for _ in range(4))
    for subject, asked in ((anna, request), (anna, other), (ben, request)):
        await authorize(session)(Authorization(subject=subject, request=asked, right=ACCESS))
    forget = ForgetRequest(work=session.work)
    for _ in range(2):
        await forget(subject=anna, request=request)
    with pytest.raises(WarrantNotFound):
        await issue(session)(subject=anna, request=request)
    await issue(session)(subject=anna, request=other)
    await issue(session)(subject=ben, request=request)


async def test_what_was_authorized_ends_with_the_time_that_a_request_may_take(session: SessionForTests) -> None:
    anna, request = session.ids.uuid7(), session.ids.uuid7()
    await authorize(session)(Authorization(subject=anna, request=request, right=ERASURE))
    past = PostgresPast(database=session.jobs)
    await past.forget_warrants()
    await issue(session)(subject=anna, request=request)
    await session.as_owner(
        "UPDATE warrant SET authorized_at = authorized_at - $1::interval", timedelta(days=30, seconds=1)
    )
    # A request that is late is one that still has to be done.
    await past.forget_warrants()
    await issue(session)(subject=anna, request=request)
    await session.as_owner(
        "UPDATE warrant SET authorized_at = authorized_at - $1::interval", timedelta(days=60, seconds=1)
    )
    with pytest.raises(WarrantNotFound):
        await issue(session)(subject=anna, request=request)
    with pytest.raises(WarrantExists):
        await authorize(session)(Authorization(subject=anna, request=request, right=ERASURE))
    await past.forget_warrants()
    assert await session.as_owner("SELECT FROM warrant") == []
