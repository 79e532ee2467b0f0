"""Case 18: who asks whether an account exists learns nothing, by sign-in or sign-up, from answer, rows or time."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import uuid4

import pytest

from services.identity.domain.errors import CodeInvalid, CredentialsInvalid, RegistrationExists
from tests.support.identity import BROWSER, VISITOR, IdentityForTests, identity_for_tests
from tests.support.postgres import ServiceDatabases

KNOWN, UNKNOWN = "ada@example.org", "nobody@example.org"
WRONG = "wrong horse battery staple"
#: bcrypt at this cost takes tens of milliseconds: without work for nobody, an unknown address would be told at once.
COST = 10
ROUNDS = 9


@pytest.fixture
async def identity(service_database: ServiceDatabases) -> AsyncIterator[IdentityForTests]:
    async with identity_for_tests(service_database) as service:
        service.hasher.close()
        service.hasher = service.hasher_of(cost=COST)
        await service.signed_up(KNOWN)
        yield service


async def times(act: Callable[[str], Awaitable[object]], identity: IdentityForTests) -> dict[str, float]:
    """The least seconds for each address, taken in turns: what else a machine does only adds to some."""
    spent: dict[str, list[float]] = {KNOWN: [], UNKNOWN: []}
    for _ in range(ROUNDS):
        for address, measured in spent.items():
            began = time.perf_counter()
            await act(address)
            measured.append(time.perf_counter() - began)
        identity.clock.advance(1000)
    return {address: min(measured) for address, measured in spent.items()}


async def test_sign_in_takes_as_long_for_nobody(identity: IdentityForTests) -> None:
    async def act(address: str) -> None:
        with pytest.raises(CredentialsInvalid):
            await identity.sign_in(address, WRONG)

    spent = await times(act, identity)
    assert 0.5 < spent[KNOWN] / spent[UNKNOWN] < 2


async def test_sign_in_takes_as_long_for_an_account_whose_hash_is_old(identity: IdentityForTests) -> None:
    identity.hasher.close()
    identity.hasher = identity.hasher_of(cost=COST + 2)

    async def act(address: str) -> None:
        with pytest.raises(CredentialsInvalid):
            await identity.sign_in(address, WRONG)

    spent = await times(act, identity)
    assert 0.5 < spent[KNOWN] / spent[UNKNOWN] < 2


async def test_sign_up_takes_as_long_and_mails_as_much(identity: IdentityForTests) -> None:
    async def act(address: str) -> None:
        await identity.begin(uuid4(), address)

    before = len(identity.mails.sent)
    spent = await times(act, identity)
    assert 0.5 < spent[KNOWN] / spent[UNKNOWN] < 2
    rows = await identity.as_administrator("SELECT count(*) AS n FROM outgoing_mail")
    assert rows[0]["n"] == 2 * ROUNDS
    assert len(identity.mails.sent) == before


async def test_a_registrations_id_tells_another_browser_nothing_of_what_it_holds(identity: IdentityForTests) -> None:
    registration_id = uuid4()
    await identity.begin(registration_id, UNKNOWN)
    for address in (UNKNOWN, KNOWN, "somebody@example.org"):
        with pytest.raises(RegistrationExists) as refusal:
            await identity.begin(registration_id, address, browser=b"x" * 32)
        assert refusal.value.args == ()


async def test_a_code_for_a_known_address_fails_as_a_wrong_one_does(identity: IdentityForTests) -> None:
    for address in (KNOWN, UNKNOWN):
        registration_id = uuid4()
        await identity.begin(registration_id, address)
        with pytest.raises(CodeInvalid) as refusal:
            await identity.verify_registration(
                registration_id=registration_id, code="00000000", browser_binding=BROWSER, visitor=VISITOR
            )
        assert refusal.value.args == ()
    actions = await identity.actions()
    assert actions[-2:] == ["authentication.failed"] * 2


async def test_the_rows_that_a_stranger_causes_have_the_same_form(identity: IdentityForTests) -> None:
    for address in (KNOWN, UNKNOWN):
        with pytest.raises(CredentialsInvalid):
            await identity.sign_in(address, WRONG)
    rows = await identity.as_administrator("SELECT allowance, failures, blocked_until FROM attempt WHERE failures > 0")
    assert len(rows) == 2
    assert rows[0] == rows[1]
