"""Password change: what it ends, and what it promises when something is down."""

import asyncio
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from libs.events.caller import Caller
from libs.ids import PLATFORM
from services.identity.commands.credential import ChangePasswordInput
from services.identity.domain.errors import (
    AuthenticationDelayed,
    CredentialChanged,
    CredentialsInvalid,
    PasswordWeak,
    SessionsUnavailable,
    TicketInvalid,
)
from tests.support.identity import BROWSER, PASSWORD, VISITOR, IdentityForTests

ADDRESS = "ada@example.org"
NEW = "an entirely different passphrase"
SESSION = uuid4()


async def change(identity: IdentityForTests, subject: UUID, *, current: str = PASSWORD, new: str = NEW) -> int:
    given = ChangePasswordInput(current_password=current, new_password=new)
    return await identity.change_password(given, caller(subject))


def caller(subject: UUID) -> Caller:
    return Caller(subject=subject, session=SESSION, client_id=VISITOR.client_id, client=VISITOR.client)


async def test_a_change_raises_the_epoch_and_ends_other_sessions(identity: IdentityForTests) -> None:
    subject = (await identity.signed_up(ADDRESS)).subject_id
    assert await change(identity, subject) == 2
    assert identity.sessions.ended == [(subject, 2, SESSION)]
    leaf, envelope = (await identity.events())[-1]
    assert (leaf.action, leaf.log, leaf.actor.session) == ("credential.changed", PLATFORM.bytes, SESSION.bytes)
    payload = envelope.subject_epoch_raised
    assert (payload.subject, payload.epoch, payload.keep_session) == (subject.bytes, 2, SESSION.bytes)
    await identity.sign_in(ADDRESS, NEW)
    with pytest.raises(CredentialsInvalid):
        await identity.sign_in(ADDRESS, PASSWORD)


async def test_the_log_says_on_which_device(identity: IdentityForTests) -> None:
    subject = (await identity.signed_up(ADDRESS)).subject_id
    given = ChangePasswordInput(current_password=PASSWORD, new_password=NEW)
    await identity.change_password(given, replace(caller(subject), client=replace(VISITOR.client, device="0f" * 16)))
    leaf, _ = (await identity.events())[-1]
    assert {commitment.field for commitment in leaf.commitments} == {"ip_address", "user_agent", "device_fingerprint"}


async def test_a_ticket_from_before_the_change_is_void(identity: IdentityForTests) -> None:
    subject = (await identity.signed_up(ADDRESS)).subject_id
    ticket = (await identity.sign_in(ADDRESS)).ticket
    await change(identity, subject)
    with pytest.raises(TicketInvalid):
        await identity.redeem_ticket(ticket=ticket, browser_binding=BROWSER, redemption_id=uuid4())


async def test_a_change_is_not_acknowledged_while_session_is_down_and_its_event_stands(
    identity: IdentityForTests,
) -> None:
    subject = (await identity.signed_up(ADDRESS)).subject_id
    identity.sessions.is_down = True
    with pytest.raises(SessionsUnavailable):
        await change(identity, subject)
    _, envelope = (await identity.events())[-1]
    assert envelope.subject_epoch_raised.epoch == 2


async def test_a_wrong_current_password_changes_nothing_and_is_counted(identity: IdentityForTests) -> None:
    subject = (await identity.signed_up(ADDRESS)).subject_id
    with pytest.raises(CredentialsInvalid):
        await change(identity, subject, current="wrong horse battery staple")
    with pytest.raises(AuthenticationDelayed):
        await change(identity, subject)
    leaf, _ = (await identity.events())[-1]
    assert (leaf.action, leaf.actor.id) == ("authentication.failed", subject.bytes)
    assert identity.sessions.ended == []
    identity.clock.advance(1)
    assert await change(identity, subject) == 2


async def test_strangers_who_locked_the_account_cannot_prevent_a_change(identity: IdentityForTests) -> None:
    subject = (await identity.signed_up(ADDRESS)).subject_id
    for _ in range(6):
        with pytest.raises(CredentialsInvalid) as refusal:
            await identity.sign_in(ADDRESS, "wrong horse battery staple")
        identity.clock.advance(min(refusal.value.retry_after.total_seconds(), 20))
    assert await change(identity, subject) == 2


async def test_a_weak_new_password_is_refused(identity: IdentityForTests) -> None:
    subject = (await identity.signed_up(ADDRESS, name="Augusta Kingston")).subject_id
    with pytest.raises(PasswordWeak):
        await change(identity, subject, new="augustakingston")


async def test_of_two_changes_at_once_one_wins(identity: IdentityForTests) -> None:
    subject = (await identity.signed_up(ADDRESS)).subject_id
    outcomes = await asyncio.gather(
        change(identity, subject, new=NEW), change(identity, subject, new=f"{NEW} again"), return_exceptions=True
    )
    # Who comes second finds the password changed, before or after its own was compared.
    assert sum(outcome == 2 for outcome in outcomes) == 1
    assert sum(isinstance(outcome, CredentialChanged | CredentialsInvalid) for outcome in outcomes) == 1
    assert [row["epoch"] for row in await identity.as_administrator("SELECT epoch FROM subject")] == [2]
