"""Access tokens: claims, lease, revocation, keys."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.support.issuer import START, Issuer, Validator
from tests.support.tokens import SESSION, SUBJECT, WORKSPACE
from wardenry.errors.error import Unauthenticated, Unavailable
from wardenry.errors.v1 import reason_pb2
from wardenry.events.v1 import envelope_pb2
from wardenry.keys import LEAST_SECONDS_BETWEEN_FETCHES, SECONDS_AFTER_FAILURE, KeySet, KeysInvalid, parse_jwks
from wardenry.lease import LONGEST
from wardenry.permissions import Role
from wardenry.revocations import REMEMBERED
from wardenry.session.v1 import revocation_pb2
from wardenry.tenancy.v1 import membership_pb2
from wardenry.verifier import RETRY_AFTER

VECTORS: dict[str, Any] = json.loads(Path("tests/testdata/formats/access-token.json").read_text(encoding="utf-8"))


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def validator(issuer: Issuer) -> Validator:
    return Validator(issuer)


async def reason_of(validator: Validator, token: str, *, audience: str = "wardenry") -> str:
    with pytest.raises(Unauthenticated) as caught:
        await validator.verifier.verify(token, audience=audience)
    return caught.value.reason_name


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda vector: str(vector["what"]))
async def test_a_vector_of_the_format_verifies(vector: dict[str, str]) -> None:
    claims = json.loads(vector["claims"])
    validator = Validator()

    async def fetch() -> str:
        return str(VECTORS["jwks"])

    validator.keys._fetch = fetch
    validator.clock.advance(claims["iat"] - START.timestamp())
    validator.hear()
    token = await validator.verifier.verify(vector["token"], audience=claims["aud"][0])
    assert (str(token.subject), str(token.session)) == (claims["sub"], claims["sid"])
    assert (token.workspace, token.role) == (UUID(claims["wid"]) if "wid" in claims else None, claims.get("role"))
    assert token.expires_at.timestamp() == claims["exp"]
    assert token.scope == frozenset(claims["scope"].split())


async def test_a_good_token_is_told_as_its_claims_say(issuer: Issuer, validator: Validator) -> None:
    token = await validator.verifier.verify(issuer.token(), audience="wardenry")
    assert (token.subject, token.session, token.workspace) == (SUBJECT, SESSION, WORKSPACE)
    assert (token.role, token.subject_epoch, token.membership_epoch) == (Role.MANAGER, 2, 3)
    assert (token.client, token.acr, token.amr) == ("gateway", "aal1", ("pwd",))


@pytest.mark.parametrize(
    "claim", ["iss", "aud", "sub", "client_id", "jti", "sid", "wid", "role", "mep", "sep", "scope", "amr", "acr",
              "auth_time", "iat", "exp"],
)  # fmt: skip
async def test_a_token_without_a_claim_is_refused(issuer: Issuer, validator: Validator, claim: str) -> None:
    assert await reason_of(validator, issuer.token(without=claim)) == "REASON_TOKEN_INVALID"


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example.org"},
        {"iss": "https://id.example.org/"},
        {"aud": "wardenry"},
        {"aud": []},
        {"aud": ["records"]},
        {"sub": "alice"},
        {"sub": SUBJECT.int},
        {"role": "root"},
        {"mep": -1},
        {"mep": "3"},
        {"mep": True},
        {"sep": 2.0},
        {"acr": "aal9"},
        {"exp": int(START.timestamp())},
        {"exp": int(START.timestamp()) + 901},
        {"exp": 10**30},
        {"exp": "1790000000"},
        {"iat": int(START.timestamp()) + 6},
        {"scope": ["a"]},
        {"cnf": {"jkt": "bound-to-a-key"}},
    ],
    ids=str,
)
async def test_a_claim_of_another_value_or_type_is_refused(
    issuer: Issuer, validator: Validator, claims: dict[str, Any]
) -> None:
    assert await reason_of(validator, issuer.token(**claims)) == "REASON_TOKEN_INVALID"


async def test_a_token_ends_although_its_verdict_is_remembered(issuer: Issuer, validator: Validator) -> None:
    token = issuer.token()
    await validator.verifier.verify(token, audience="wardenry")
    validator.clock.advance(599.9)
    validator.hear()
    await validator.verifier.verify(token, audience="wardenry")
    validator.clock.advance(0.2)
    validator.hear()
    assert await reason_of(validator, token) == "REASON_TOKEN_INVALID"


async def test_a_remembered_verdict_is_for_its_own_audience_only(issuer: Issuer, validator: Validator) -> None:
    token = issuer.token()
    await validator.verifier.verify(token, audience="wardenry")
    assert await reason_of(validator, token, audience="records") == "REASON_TOKEN_INVALID"


def session_revoked(session: UUID) -> revocation_pb2.WatchRevocationsResponse:
    return revocation_pb2.WatchRevocationsResponse(
        complete=True, revocations=[revocation_pb2.Revocation(session=session.bytes)]
    )


def epoch_raised(subject: UUID, epoch: int) -> revocation_pb2.WatchRevocationsResponse:
    raised = revocation_pb2.SubjectEpoch(subject=subject.bytes, epoch=epoch)
    return revocation_pb2.WatchRevocationsResponse(
        complete=True, revocations=[revocation_pb2.Revocation(subject_epoch=raised)]
    )


def membership(epoch: int, role: str, *, workspace: UUID = WORKSPACE) -> membership_pb2.WatchMembershipsResponse:
    changed = envelope_pb2.MembershipChanged(subject=SUBJECT.bytes, workspace=workspace.bytes, epoch=epoch, role=role)
    return membership_pb2.WatchMembershipsResponse(complete=True, changes=[changed])


async def test_a_revoked_session_is_refused_while_its_token_is_in_use(issuer: Issuer, validator: Validator) -> None:
    token = issuer.token()
    await validator.verifier.verify(token, audience="wardenry")
    validator.revocations.apply(session_revoked(uuid4()))
    await validator.verifier.verify(token, audience="wardenry")
    validator.revocations.apply(session_revoked(SESSION))
    assert await reason_of(validator, token) == "REASON_TOKEN_REVOKED"


@pytest.mark.parametrize(("epoch", "good"), [(1, True), (2, True), (3, False)])
async def test_a_lower_subject_epoch_is_refused(issuer: Issuer, validator: Validator, epoch: int, good: bool) -> None:
    validator.revocations.apply(epoch_raised(SUBJECT, epoch))
    validator.revocations.apply(epoch_raised(SUBJECT, 1))  # late news never lowers it
    if good:
        await validator.verifier.verify(issuer.token(), audience="wardenry")
    else:
        assert await reason_of(validator, issuer.token()) == "REASON_TOKEN_REVOKED"


@pytest.mark.parametrize(
    ("change", "good"),
    [
        (membership(3, "manager"), True),
        (membership(4, "member"), False),
        (membership(3, ""), False),
        (membership(2, ""), True),
        (membership(9, "", workspace=uuid4()), True),
    ],
    ids=["known", "changed", "ended", "ended and joined again since", "another workspace's"],
)
async def test_a_changed_or_ended_membership_is_refused(
    issuer: Issuer, validator: Validator, change: membership_pb2.WatchMembershipsResponse, good: bool
) -> None:
    validator.memberships.apply(change)
    if good:
        await validator.verifier.verify(issuer.token(), audience="wardenry")
    else:
        assert await reason_of(validator, issuer.token()) == "REASON_TOKEN_REVOKED"


async def test_a_verdict_needs_a_lease_younger_than_800_milliseconds(issuer: Issuer, validator: Validator) -> None:
    token = issuer.token()
    validator.introspection = False
    validator.clock.advance(0.79)
    await validator.verifier.verify(token, audience="wardenry")
    assert validator.introspections == 0
    validator.clock.advance(0.02)
    assert await reason_of(validator, token) == "REASON_TOKEN_REVOKED"
    assert validator.introspections == 1


async def test_either_feed_can_make_a_lease_stale(issuer: Issuer, validator: Validator) -> None:
    validator.clock.advance(1)
    validator.revocations.lease.renew(validator.revocations.lease.tick())
    await validator.verifier.verify(issuer.token(), audience="wardenry")
    assert validator.introspections == 1


async def test_a_stale_lease_and_no_introspection_let_nothing_pass(issuer: Issuer, validator: Validator) -> None:
    validator.clock.advance(1)
    validator.introspection = Unavailable("session is away")
    with pytest.raises(Unavailable) as caught:
        await validator.verifier.verify(issuer.token(), audience="wardenry")
    assert caught.value.reason == reason_pb2.REASON_FEED_STALE
    assert caught.value.retry_after == RETRY_AFTER


async def test_a_late_introspection_is_no_verdict(issuer: Issuer, validator: Validator) -> None:
    """Since it was given the session may have ended, and that was acknowledged: who has no lease is not waited for."""
    validator.clock.advance(1)
    validator.introspection_takes = LONGEST + 0.01
    with pytest.raises(Unavailable) as caught:
        await validator.verifier.verify(issuer.token(), audience="wardenry")
    assert caught.value.reason == reason_pb2.REASON_FEED_STALE
    validator.introspection_takes = LONGEST - 0.01
    await validator.verifier.verify(issuer.token(), audience="wardenry")


async def test_what_was_taken_away_during_an_introspection_is_refused(issuer: Issuer, validator: Validator) -> None:
    token = issuer.token()
    session = (await validator.verifier.verify(token, audience="wardenry")).session
    validator.clock.advance(1)
    validator.during_introspection = lambda: validator.revocations.revoke_session(session)
    assert await reason_of(validator, token) == "REASON_TOKEN_REVOKED"


async def test_an_echo_that_was_not_sent_on_this_stream_renews_nothing(issuer: Issuer, validator: Validator) -> None:
    lease = validator.revocations.lease
    old = lease.tick()
    lease.begin()
    validator.clock.advance(2)
    for echo in (0, old, lease.tick() + 1, 2**63):
        lease.renew(echo)
        assert not lease.is_fresh(validator.clock.monotonic())
    lease.renew(lease.tick())
    assert lease.is_fresh(validator.clock.monotonic())


async def test_an_incomplete_snapshot_renews_nothing(validator: Validator) -> None:
    validator.clock.advance(2)
    tick = validator.revocations.lease.tick()
    validator.revocations.apply(revocation_pb2.WatchRevocationsResponse(snapshot=True, echo=tick))
    assert not validator.revocations.lease.is_fresh(validator.clock.monotonic())
    validator.revocations.apply(revocation_pb2.WatchRevocationsResponse(complete=True, echo=tick))
    assert validator.revocations.lease.is_fresh(validator.clock.monotonic())


async def test_a_new_snapshot_lets_nothing_revoked_through(issuer: Issuer, validator: Validator) -> None:
    validator.revocations.apply(session_revoked(SESSION))
    validator.revocations.apply(revocation_pb2.WatchRevocationsResponse(snapshot=True))
    assert await reason_of(validator, issuer.token()) == "REASON_TOKEN_REVOKED"


async def test_revocations_are_forgotten_when_no_token_can_be_left(validator: Validator) -> None:
    validator.revocations.apply(session_revoked(uuid4()))
    validator.revocations.apply(epoch_raised(uuid4(), 5))
    validator.memberships.apply(membership(5, "member"))
    validator.clock.advance(REMEMBERED - 1)
    validator.revocations.apply(revocation_pb2.WatchRevocationsResponse(complete=True))
    assert len(validator.revocations) == 2
    validator.clock.advance(1)
    validator.revocations.apply(revocation_pb2.WatchRevocationsResponse(complete=True))
    validator.memberships.apply(membership_pb2.WatchMembershipsResponse(complete=True))
    assert (len(validator.revocations), len(validator.memberships)) == (0, 0)


async def test_a_new_key_is_fetched_when_it_is_first_seen_and_rubbish_is_not_asked_for(validator: Validator) -> None:
    second = Issuer(key_id="test-2", seed=bytes(32))
    assert await reason_of(validator, second.token()) == "REASON_TOKEN_INVALID"
    validator.published.append(second)
    for _ in range(20):
        assert await reason_of(validator, second.token()) == "REASON_TOKEN_INVALID"
    assert validator.fetches == 1
    validator.clock.advance(LEAST_SECONDS_BETWEEN_FETCHES)
    validator.hear()
    await validator.verifier.verify(second.token(), audience="wardenry")
    assert validator.fetches == 2


async def test_a_key_that_leaves_the_key_set_takes_its_verdicts_with_it(issuer: Issuer, validator: Validator) -> None:
    token = issuer.token()
    await validator.verifier.verify(token, audience="wardenry")
    validator.published.clear()
    await validator.keys._refresh(unless_within=0)
    assert await reason_of(validator, token) == "REASON_TOKEN_INVALID"


async def test_keys_that_cannot_be_had_are_no_verdict(issuer: Issuer, validator: Validator) -> None:
    async def fetch() -> str:
        raise Unavailable("session is away")

    validator.verifier._keys = KeySet(fetch=fetch, clock=validator.clock)
    with pytest.raises(Unavailable):
        await validator.verifier.verify(issuer.token(), audience="wardenry")


async def test_an_issuer_that_is_away_is_asked_once_for_all_who_wait_and_soon_again(validator: Validator) -> None:
    asked = 0

    async def fetch() -> str:
        nonlocal asked
        asked += 1
        raise Unavailable("session is away")

    keys = KeySet(fetch=fetch, clock=validator.clock)
    for key_id in ("a", "b", "c"):
        with pytest.raises(Unavailable):
            await keys.find(key_id)
    assert asked == 1
    validator.clock.advance(SECONDS_AFTER_FAILURE)
    with pytest.raises(Unavailable):
        await keys.find("a")
    assert asked == 2


@pytest.mark.parametrize("jwks", ["", "[]", '{"keys":[{"kty":"OKP","crv":"Ed25519"}]}', '{"keys":7}'])
def test_what_is_no_key_set_is_told(jwks: str) -> None:
    with pytest.raises(KeysInvalid):
        parse_jwks(jwks)
