"""Sign-in by password, and what limits guessing."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from libs.ids import PLATFORM
from services.identity.clients.password_hasher import cost_of
from services.identity.domain.attempt import Account
from services.identity.domain.errors import AuthenticationDelayed, CredentialsInvalid, HashingBusy
from tests.support.identity import BROWSER, PASSWORD, IdentityForTests
from wardenry.events.v1 import action_pb2, leaf_pb2

ADDRESS = "ada@example.org"
UNKNOWN = "nobody@example.org"
WRONG = "wrong horse battery staple"


async def fail(identity: IdentityForTests, address: str, times: int, *, device: bytes = b"") -> None:
    """Fails so often, waiting out each delay."""
    for _ in range(times):
        with pytest.raises(CredentialsInvalid) as refusal:
            await identity.sign_in(address, WRONG, device=device)
        identity.clock.advance(refusal.value.retry_after.total_seconds())


async def test_a_person_signs_in(identity: IdentityForTests) -> None:
    registered = await identity.signed_up(ADDRESS)
    workspace = uuid4()
    authenticated = await identity.sign_in("ADA@EXAMPLE.ORG", workspace=workspace)
    redemption = await identity.redeem_ticket(
        ticket=authenticated.ticket, browser_binding=BROWSER, redemption_id=uuid4()
    )
    ticket = redemption.ticket
    assert (ticket.subject_id, ticket.workspace_id) == (registered.subject_id, workspace)
    assert (ticket.methods, ticket.context_class, ticket.registered_at) == (("pwd",), "aal1", None)


async def test_a_new_browser_is_remembered_and_a_known_one_keeps_its_token(identity: IdentityForTests) -> None:
    registered = await identity.signed_up(ADDRESS)
    before = await identity.actions()
    assert (await identity.sign_in(ADDRESS, device=registered.device_token)).device_token == b""
    assert await identity.actions() == before
    fresh = await identity.sign_in(ADDRESS, device=b"x" * 32)
    assert len(fresh.device_token) == 32
    leaf, _ = (await identity.events())[-1]
    assert (leaf.action, leaf.log, leaf.actor.id) == (
        "device.remembered",
        PLATFORM.bytes,
        registered.subject_id.bytes,
    )


async def test_a_device_is_known_to_its_subject_alone(identity: IdentityForTests) -> None:
    await identity.signed_up(ADDRESS)
    other = await identity.signed_up("grace@example.org")
    assert (await identity.sign_in(ADDRESS, device=other.device_token)).device_token != b""


async def test_a_failure_says_nothing_of_the_account(identity: IdentityForTests) -> None:
    await identity.signed_up(ADDRESS)
    known = len(await identity.events())
    workspace = uuid4()
    refusals = []
    for address in (ADDRESS, UNKNOWN):
        with pytest.raises(CredentialsInvalid) as refusal:
            await identity.sign_in(address, WRONG, workspace=workspace)
        refusals.append((str(refusal.value), refusal.value.retry_after))
    assert refusals[0] == refusals[1]
    (first, first_envelope), (second, second_envelope) = (await identity.events())[known:]
    assert first_envelope.tags.address != second_envelope.tags.address
    for leaf, envelope in ((first, first_envelope), (second, second_envelope)):
        assert leaf.action == "authentication.failed"
        assert leaf.outcome == action_pb2.OUTCOME_FAILURE
        assert leaf.log == workspace.bytes
        assert leaf.actor.kind == leaf_pb2.ACTOR_KIND_VISITOR
        assert not leaf.actor.id
        assert not leaf.HasField("target")
        assert {commitment.field for commitment in leaf.commitments} == {"ip_address", "user_agent"}
        assert len(envelope.sealed) == 1


@pytest.mark.parametrize("address", [ADDRESS, UNKNOWN])
async def test_failures_double_the_delay_and_the_sixth_locks(identity: IdentityForTests, address: str) -> None:
    await identity.signed_up(ADDRESS)
    for seconds in (1, 2, 4, 8, 16, 900):
        with pytest.raises(CredentialsInvalid) as refusal:
            await identity.sign_in(address, WRONG)
        assert refusal.value.retry_after == timedelta(seconds=seconds)
        identity.clock.advance(seconds - 0.5)
        with pytest.raises(AuthenticationDelayed) as delay:
            await identity.sign_in(address, PASSWORD)
        assert delay.value.retry_after == timedelta(seconds=0.5)
        identity.clock.advance(0.5)
    assert (await identity.actions())[-7:] == ["authentication.failed"] * 6 + ["authentication.locked"]
    with pytest.raises(CredentialsInvalid) as refusal:
        await identity.sign_in(address, WRONG)
    assert refusal.value.retry_after == timedelta(seconds=1)


async def test_the_lock_keeps_the_right_password_out_until_it_ends(identity: IdentityForTests) -> None:
    await identity.signed_up(ADDRESS)
    await fail(identity, ADDRESS, 5)
    with pytest.raises(CredentialsInvalid):
        await identity.sign_in(ADDRESS, WRONG)
    identity.clock.advance(899)
    with pytest.raises(AuthenticationDelayed):
        await identity.sign_in(ADDRESS)
    identity.clock.advance(1)
    await identity.sign_in(ADDRESS)


async def test_a_success_clears_the_failures(identity: IdentityForTests) -> None:
    await identity.signed_up(ADDRESS)
    await fail(identity, ADDRESS, 4)
    await identity.sign_in(ADDRESS)
    with pytest.raises(CredentialsInvalid) as refusal:
        await identity.sign_in(ADDRESS, WRONG)
    assert refusal.value.retry_after == timedelta(seconds=1)


async def test_strangers_cannot_lock_the_owners_browser_out(identity: IdentityForTests) -> None:
    registered = await identity.signed_up(ADDRESS)
    await fail(identity, ADDRESS, 5)
    with pytest.raises(CredentialsInvalid):
        await identity.sign_in(ADDRESS, WRONG)
    with pytest.raises(AuthenticationDelayed):
        await identity.sign_in(ADDRESS, device=b"s" * 32)
    await identity.sign_in(ADDRESS, device=registered.device_token)


async def test_a_known_browser_has_an_allowance_not_a_licence(identity: IdentityForTests) -> None:
    registered = await identity.signed_up(ADDRESS)
    await fail(identity, ADDRESS, 5, device=registered.device_token)
    with pytest.raises(CredentialsInvalid):
        await identity.sign_in(ADDRESS, WRONG, device=registered.device_token)
    with pytest.raises(AuthenticationDelayed):
        await identity.sign_in(ADDRESS, device=registered.device_token)


@pytest.mark.parametrize("address", [ADDRESS, UNKNOWN])
async def test_fifty_guesses_at_once_are_no_more_than_six(identity: IdentityForTests, address: str) -> None:
    await identity.signed_up(ADDRESS)
    outcomes = await asyncio.gather(
        *(identity.sign_in(address, f"{WRONG} {n}") for n in range(50)), return_exceptions=True
    )
    compared = [outcome for outcome in outcomes if isinstance(outcome, CredentialsInvalid)]
    assert 1 <= len(compared) <= 6
    assert all(isinstance(outcome, CredentialsInvalid | AuthenticationDelayed) for outcome in outcomes)
    actions = await identity.actions()
    assert actions.count("authentication.failed") == len(compared)
    assert actions.count("authentication.locked") == (1 if len(compared) == 6 else 0)


async def test_a_success_does_not_forget_guesses_under_way(identity: IdentityForTests) -> None:
    """Five guesses are reserved, somebody signs in, and then the five fail: they count."""
    account = Account(tag=b"t" * 32)
    async with identity.store.transaction() as tx:
        reservations = [await tx.attempts.reserve(account, now=identity.clock.now()) for _ in range(5)]
        await tx.attempts.clear(account)
        failures = [await tx.attempts.fail(each, now=identity.clock.now()) for each in reservations]
    assert [failure.retry_after.total_seconds() for failure in failures] == [1, 2, 4, 8, 16]


async def test_an_outdated_hash_is_raised_at_the_next_sign_in(identity: IdentityForTests) -> None:
    await identity.signed_up(ADDRESS)
    identity.hasher.close()
    identity.hasher = identity.hasher_of(cost=5)
    await identity.sign_in(ADDRESS)
    (row,) = await identity.as_administrator("SELECT hash FROM password")
    assert cost_of(row["hash"]) == 5
    await identity.sign_in(ADDRESS)


async def test_the_busy_refuse_at_once_and_count_nothing(identity: IdentityForTests) -> None:
    await identity.signed_up(ADDRESS)
    identity.hasher.close()
    identity.hasher = identity.hasher_of(cost=8, threads=1, most_waiting=0)
    outcomes = await asyncio.gather(*(identity.sign_in(ADDRESS) for _ in range(10)), return_exceptions=True)
    assert sum(isinstance(outcome, HashingBusy) for outcome in outcomes) >= 1
    assert sum(not isinstance(outcome, BaseException) for outcome in outcomes) >= 1
    await identity.sign_in(ADDRESS)


async def test_passwords_around_the_limits_of_bcrypt(identity: IdentityForTests) -> None:
    for length in (71, 72, 73, 1024):
        password = ("correct horse battery staple " * 40)[:length]
        address = f"person{length}@example.org"
        await identity.signed_up(address, password=password)
        await identity.sign_in(address, password)
        with pytest.raises(CredentialsInvalid):
            await identity.sign_in(address, password[:-1] + "!")
        identity.clock.advance(1)
        with pytest.raises(CredentialsInvalid):
            await identity.sign_in(address, password[:-1])


async def test_a_password_is_the_same_from_every_keyboard(identity: IdentityForTests) -> None:
    await identity.signed_up(ADDRESS, password="zoe\u0308 walks her gr\u00fcnen drachen")
    await identity.sign_in(ADDRESS, "zo\u00eb walks her gru\u0308nen drachen")


async def test_a_nul_does_not_end_a_password(identity: IdentityForTests) -> None:
    await identity.signed_up(ADDRESS, password="correct horse\0battery staple")
    with pytest.raises(CredentialsInvalid):
        await identity.sign_in(ADDRESS, "correct horse\0another ending")
