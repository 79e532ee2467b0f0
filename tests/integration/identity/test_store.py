"""Every store method against a second person, and against no context: under the runtime role, as in production."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from libs.crypto.secret_hash import hash_of
from services.identity.domain.device import remember
from services.identity.domain.ports import UnitOfWork
from services.identity.domain.ticket import password_ticket
from tests.support.identity import BROWSER, IdentityForTests

Statement = Callable[[UnitOfWork, UUID, IdentityForTests], Awaitable[Any]]


async def read_subject(tx: UnitOfWork, subject: UUID, identity: IdentityForTests) -> Any:
    return await tx.subjects.get([subject])


async def read_credential(tx: UnitOfWork, subject: UUID, identity: IdentityForTests) -> Any:
    return await tx.subjects.credential(subject)


async def replace_password(tx: UnitOfWork, subject: UUID, identity: IdentityForTests) -> Any:
    (row,) = await identity.as_administrator("SELECT hash FROM password WHERE subject_id = $1", subject)
    return await tx.subjects.replace_password(subject, old=row["hash"], new=row["hash"], now=identity.clock.now())


async def redeem_ticket(tx: UnitOfWork, subject: UUID, identity: IdentityForTests) -> Any:
    (row,) = await identity.as_administrator("SELECT ticket_hash FROM ticket WHERE subject_id = $1", subject)
    return await tx.tickets.redeem(
        subject_id=subject,
        ticket_hash=row["ticket_hash"],
        browser_binding=BROWSER,
        redemption_id=uuid4(),
        now=identity.clock.now(),
    )


async def read_registration(tx: UnitOfWork, subject: UUID, identity: IdentityForTests) -> Any:
    return await tx.registrations.get(await registration_of(identity))


async def try_registration(tx: UnitOfWork, subject: UUID, identity: IdentityForTests) -> Any:
    return await tx.registrations.take_try(
        await registration_of(identity), now=identity.clock.now() - timedelta(minutes=1)
    )


async def complete_registration(tx: UnitOfWork, subject: UUID, identity: IdentityForTests) -> Any:
    return await tx.registrations.complete(await registration_of(identity), now=identity.clock.now())


async def registration_of(identity: IdentityForTests) -> UUID:
    rows = await identity.as_administrator("SELECT registration_id FROM registration LIMIT 1")
    found: UUID = rows[0]["registration_id"]
    return found


@pytest.mark.parametrize(
    "statement",
    [
        read_subject,
        read_credential,
        replace_password,
        redeem_ticket,
        read_registration,
        try_registration,
        complete_registration,
    ],
)
async def test_another_persons_context_reaches_nothing(identity: IdentityForTests, statement: Statement) -> None:
    ada = (await identity.signed_up("ada@example.org")).subject_id
    grace = (await identity.signed_up("grace@example.org")).subject_id
    for contexts in ((grace,), ()):
        async with identity.store.transaction(*contexts) as tx:
            assert not await statement(tx, ada, identity)


async def test_nothing_is_written_for_another_person(identity: IdentityForTests) -> None:
    ada = (await identity.signed_up("ada@example.org")).subject_id
    grace = (await identity.signed_up("grace@example.org")).subject_id
    now = identity.clock.now()
    device = remember(subject_id=ada, device_id=uuid4(), token=b"d" * 32, now=now)
    ticket = password_ticket(
        b"t" * 32, subject_id=ada, subject_epoch=1, browser_binding=BROWSER, workspace_id=None, now=now
    )
    for contexts in ((grace,), ()):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with identity.store.transaction(*contexts) as tx:
                await tx.devices.add(device)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with identity.store.transaction(*contexts) as tx:
                await tx.tickets.add(ticket)


async def test_renewing_a_hash_under_another_context_changes_nothing(identity: IdentityForTests) -> None:
    ada = (await identity.signed_up("ada@example.org")).subject_id
    grace = (await identity.signed_up("grace@example.org")).subject_id
    (before,) = await identity.as_administrator("SELECT hash FROM password WHERE subject_id = $1", ada)
    async with identity.store.transaction(grace) as tx:
        await tx.subjects.renew_hash(ada, old=before["hash"], new="$2b$04$" + "x" * 53)
    (after,) = await identity.as_administrator("SELECT hash FROM password WHERE subject_id = $1", ada)
    assert before == after


async def test_lookups_give_ids_and_no_more(identity: IdentityForTests) -> None:
    registered = await identity.signed_up("ada@example.org")
    assert await identity.store.find_ticket(hash_of(registered.ticket)) == registered.subject_id
    assert await identity.store.find_ticket(b"x" * 32) is None
    for table in ("address_claim", "attempt", "outgoing_mail", "outbox", "key_destruction"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await identity.database.fetch(f"SELECT * FROM {table}")


async def test_what_has_expired_goes_and_nothing_else(identity: IdentityForTests) -> None:
    registered = await identity.signed_up("ada@example.org")
    # Long after everything has expired by the service's clock: the policies go by the database's.
    identity.clock.advance(86_400 * 365 * 100)
    for table, column in (("ticket", "expires_at"), ("registration", "expires_at"), ("attempt", "last_at")):
        await identity.as_administrator(f"UPDATE {table} SET {column} = now() + interval '1 hour'")
    assert await identity.remove_expired() == 0
    await identity.as_administrator("UPDATE ticket SET expires_at = now() - interval '1 second'")
    await identity.as_administrator("UPDATE registration SET expires_at = now() - interval '1 second'")
    await identity.as_administrator("UPDATE attempt SET last_at = now() - interval '2 days'")
    assert await identity.remove_expired() == 3
    assert len(await identity.as_administrator("SELECT FROM device")) == 1
    assert (await identity.get_subject(registered.subject_id)).address == "ada@example.org"
