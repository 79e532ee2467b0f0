"""Case 20, promises A6 and A7: guesses are limited per account, however restarted, spelled, abandoned or parallel."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from services.identity.commands.authentication import PasswordInput
from services.identity.domain.errors import AuthenticationDelayed, CredentialsInvalid
from tests.support.held_hasher import HeldHasher
from tests.support.identity import BROWSER, VISITOR, IdentityForTests, identity_for_tests
from tests.support.postgres import ServiceDatabases

ADDRESS = "ada@example.org"
WRONG = "wrong horse battery staple"


@pytest.fixture
async def replicas(service_database: ServiceDatabases) -> AsyncIterator[tuple[IdentityForTests, IdentityForTests]]:
    """Two processes on one database, with one clock. Neither remembers anything of its own."""
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(identity_for_tests(service_database))
        second = await stack.enter_async_context(identity_for_tests(service_database, beside=first))
        await first.signed_up(ADDRESS)
        yield first, second


async def test_a_lock_survives_the_process_that_saw_the_failures(
    replicas: tuple[IdentityForTests, IdentityForTests],
) -> None:
    first, second = replicas
    for _ in range(6):
        with pytest.raises(CredentialsInvalid) as refusal:
            await first.sign_in(ADDRESS, WRONG)
        first.clock.advance(min(refusal.value.retry_after.total_seconds(), 16))
    with pytest.raises(AuthenticationDelayed):
        await second.sign_in(ADDRESS)


async def test_replicas_and_spellings_share_one_count(replicas: tuple[IdentityForTests, IdentityForTests]) -> None:
    spellings = ("ada@example.org", "ADA@EXAMPLE.ORG", "Ada@Example.Org", "aDa@eXample.org")
    outcomes = await asyncio.gather(
        *(replicas[n % 2].sign_in(spellings[n % 4], f"{WRONG} {n}") for n in range(60)), return_exceptions=True
    )
    compared = [outcome for outcome in outcomes if isinstance(outcome, CredentialsInvalid)]
    assert 1 <= len(compared) <= 6
    assert all(isinstance(outcome, CredentialsInvalid | AuthenticationDelayed) for outcome in outcomes)
    (row,) = await replicas[0].as_administrator("SELECT failures FROM attempt WHERE failures > 0")
    assert row["failures"] >= len(compared)


async def abandoned(identity: IdentityForTests, password: str) -> None:
    """An attempt whose caller gives up before it is judged."""
    before = await failures(identity)
    hasher, command = HeldHasher(identity.hasher), identity.authenticate
    command._hasher = hasher
    given = PasswordInput(
        address=ADDRESS, password=password, browser_binding=BROWSER, device_token=b"", workspace_id=None
    )
    attempt = asyncio.create_task(command(given, VISITOR))
    await hasher.compared.wait()
    assert await failures(identity) == before + 1
    attempt.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attempt
    hasher.go_on.set()


async def judged(identity: IdentityForTests, count: int) -> None:
    """Until so many failures of the address are in the outbox."""
    emitted = "SELECT count(*) AS n FROM outbox WHERE action = 'authentication.failed'"
    while (await identity.as_administrator(emitted))[0]["n"] < count:  # noqa: ASYNC110 - a database has no event
        await asyncio.sleep(0.005)


async def test_an_abandoned_guess_is_a_failure_and_told(replicas: tuple[IdentityForTests, IdentityForTests]) -> None:
    first, _ = replicas
    for count in range(1, 7):
        await abandoned(first, WRONG)
        await judged(first, count)
        first.clock.advance(min(2 ** (count - 1), 16))
    with pytest.raises(AuthenticationDelayed):
        await first.sign_in(ADDRESS)
    first.clock.advance(900)
    await first.sign_in(ADDRESS)


async def test_an_abandoned_right_password_is_no_failure(replicas: tuple[IdentityForTests, IdentityForTests]) -> None:
    """Else a slow answer, given up and tried again, locks the owner out."""
    first, _ = replicas
    for _ in range(7):
        await abandoned(first, "correct horse battery staple")
        while await failures(first):  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.005)
    await first.sign_in(ADDRESS)


async def test_a_device_token_is_no_way_around_unless_it_is_real(
    replicas: tuple[IdentityForTests, IdentityForTests],
) -> None:
    first, _ = replicas
    outcomes = await asyncio.gather(
        *(first.sign_in(ADDRESS, f"{WRONG} {n}", device=bytes([n]) * 32) for n in range(30)), return_exceptions=True
    )
    assert sum(isinstance(outcome, CredentialsInvalid) for outcome in outcomes) <= 6


async def test_a_vault_that_is_down_is_no_oracle(replicas: tuple[IdentityForTests, IdentityForTests]) -> None:
    first, second = replicas
    await second.vault_database.close()
    kinds = set()
    for password in (WRONG, "correct horse battery staple"):
        with pytest.raises(Exception) as refusal:  # noqa: PT011 - whichever it is, it must be the same one
            await second.sign_in(ADDRESS, password)
        kinds.add((type(refusal.value).__name__, str(refusal.value)))
    assert len(kinds) == 1
    await first.vault_database.close()
    await first.sign_in(ADDRESS)


async def test_a_right_password_needs_nothing_of_the_vault_that_a_wrong_one_did_not(
    replicas: tuple[IdentityForTests, IdentityForTests],
) -> None:
    """Else a vault that goes away tells them apart, and counts the right one as a failure."""
    first, second = replicas
    workspace = first.ids.uuid7()
    with pytest.raises(CredentialsInvalid):
        await second.sign_in(ADDRESS, WRONG, workspace=workspace)
    await second.vault_database.close()
    first.clock.advance(60)
    await second.sign_in(ADDRESS, workspace=workspace)
    assert await failures(second) == 0
    await first.vault_database.close()


async def failures(identity: IdentityForTests) -> int:
    rows = await identity.as_administrator("SELECT max(failures) AS failures FROM attempt")
    return rows[0]["failures"] or 0
