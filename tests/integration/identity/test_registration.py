"""Sign-up: an address is proved before a subject exists."""

import asyncio
from uuid import uuid4

import pytest

from libs.ids import PLATFORM
from libs.mail.address import AddressInvalid
from libs.mail.mail import MailUnavailable
from services.identity.domain.errors import (
    AuthenticationDelayed,
    CodeInvalid,
    NameInvalid,
    PasswordWeak,
    RegistrationExists,
)
from tests.support.identity import BROWSER, ORIGIN, PASSWORD, VISITOR, IdentityForTests

ADDRESS = "ada@example.org"


async def test_a_person_signs_up(identity: IdentityForTests) -> None:
    registered = await identity.signed_up("Ada@Example.ORG", name="Ada Lovelace")

    contact = await identity.get_subject(registered.subject_id)
    assert (contact.address, contact.display_name) == (ADDRESS, "Ada Lovelace")
    assert await identity.actions() == ["user.registered", "address.verified", "device.remembered"]
    for leaf, envelope in await identity.events():
        assert leaf.log == PLATFORM.bytes
        assert leaf.actor.id == registered.subject_id.bytes
        assert [sealed.person for sealed in envelope.sealed] == ["actor"]
    redemption = await identity.redeem_ticket(ticket=registered.ticket, browser_binding=BROWSER, redemption_id=uuid4())
    assert redemption.ticket.registered_at == identity.clock.now()


async def test_nothing_personal_is_stored_in_clear(identity: IdentityForTests) -> None:
    await identity.signed_up(ADDRESS, name="Ada Lovelace")
    await identity.begin(uuid4(), "grace@example.org", name="Grace Hopper")
    for table in ("subject", "address", "address_claim", "password", "registration", "outgoing_mail", "outbox"):
        for row in await identity.as_administrator(f"SELECT t::text AS row FROM {table} AS t"):
            text = row["row"].lower()
            for secret in ("lovelace", "hopper", "example.org", PASSWORD):
                assert secret not in text, table
                assert secret.encode().hex() not in text, table


async def test_a_name_that_commands_a_terminal_begins_nothing(identity: IdentityForTests) -> None:
    with pytest.raises(NameInvalid):
        await identity.begin(uuid4(), ADDRESS, name="\x1b[2J")
    assert await identity.as_administrator("SELECT FROM registration") == []


async def test_no_subject_exists_before_the_code(identity: IdentityForTests) -> None:
    await identity.begin(uuid4(), ADDRESS)
    assert await identity.as_administrator("SELECT FROM subject") == []
    assert await identity.actions() == []


async def test_a_known_address_gets_another_mail_and_the_same_answer(identity: IdentityForTests) -> None:
    await identity.signed_up(ADDRESS)
    registration_id = uuid4()
    await identity.begin(registration_id, "ADA@example.org", password="another horse battery staple")
    await identity.deliver_mail.batch()
    assert identity.mails.sent[-1].subject == "You have an account already"
    assert ORIGIN in identity.mails.sent[-1].text
    assert not any(character.isdigit() for character in identity.mails.sent[-1].text)
    with pytest.raises(CodeInvalid):
        await identity.verify_registration(
            registration_id=registration_id, code="00000000", browser_binding=BROWSER, visitor=VISITOR
        )


async def test_a_repeated_registration_mails_nothing(identity: IdentityForTests) -> None:
    registration_id = uuid4()
    await identity.begin(registration_id, ADDRESS)
    identity.clock.advance(30)
    await identity.begin(registration_id, ADDRESS)
    await identity.deliver_mail.batch()
    assert len(identity.mails.sent) == 1


@pytest.mark.parametrize("is_known", [False, True])
@pytest.mark.parametrize(
    ("address", "name", "password"),
    [
        ("grace@example.org", "Ada", PASSWORD),
        (ADDRESS, "Grace", PASSWORD),
        (ADDRESS, "Ada", "another horse battery staple"),
    ],
)
async def test_a_registration_that_is_taken_holds_what_it_held_and_says_so(
    identity: IdentityForTests, is_known: bool, address: str, name: str, password: str
) -> None:
    if is_known:
        await identity.signed_up(ADDRESS)
    registration_id = uuid4()
    await identity.begin(registration_id, ADDRESS)
    await identity.deliver_mail.batch()
    mailed = list(identity.mails.sent)
    with pytest.raises(RegistrationExists):
        await identity.begin(registration_id, address, name=name, password=password)
    await identity.deliver_mail.batch()
    assert identity.mails.sent == mailed
    # Spelt otherwise it is the same address.
    await identity.begin(registration_id, ADDRESS.upper())


async def test_a_registration_that_has_expired_is_not_told_as_begun(identity: IdentityForTests) -> None:
    registration_id = uuid4()
    await identity.begin(registration_id, ADDRESS)
    identity.clock.advance(600)
    with pytest.raises(RegistrationExists):
        await identity.begin(registration_id, ADDRESS)
    await identity.remove_expired()
    await identity.begin(registration_id, ADDRESS)


async def test_a_code_works_in_its_browser_alone(identity: IdentityForTests) -> None:
    registration_id = uuid4()
    await identity.begin(registration_id, ADDRESS)
    code = await identity.mailed_code()
    with pytest.raises(CodeInvalid):
        await identity.verify_registration(
            registration_id=registration_id, code=code, browser_binding=b"x" * 32, visitor=VISITOR
        )
    assert await identity.actions() == ["authentication.failed"]


async def test_a_code_expires(identity: IdentityForTests) -> None:
    registration_id = uuid4()
    await identity.begin(registration_id, ADDRESS)
    code = await identity.mailed_code()
    identity.clock.advance(600)
    with pytest.raises(CodeInvalid):
        await identity.verify_registration(
            registration_id=registration_id, code=code, browser_binding=BROWSER, visitor=VISITOR
        )


async def test_five_wrong_codes_spend_the_registration(identity: IdentityForTests) -> None:
    registration_id = uuid4()
    await identity.begin(registration_id, ADDRESS)
    code = await identity.mailed_code()
    wrong = f"{(int(code) + 1) % 10**8:08d}"
    for _ in range(5):
        with pytest.raises(CodeInvalid):
            await identity.verify_registration(
                registration_id=registration_id, code=wrong, browser_binding=BROWSER, visitor=VISITOR
            )
        identity.clock.advance(20)
    with pytest.raises(CodeInvalid):
        await identity.verify_registration(
            registration_id=registration_id, code=code, browser_binding=BROWSER, visitor=VISITOR
        )


async def test_codes_are_limited_for_an_address_across_registrations(identity: IdentityForTests) -> None:
    first, second = uuid4(), uuid4()
    await identity.begin(first, ADDRESS)
    await identity.begin(second, ADDRESS)
    with pytest.raises(CodeInvalid):
        await identity.verify_registration(
            registration_id=first, code="00000000", browser_binding=BROWSER, visitor=VISITOR
        )
    with pytest.raises(AuthenticationDelayed):
        await identity.verify_registration(
            registration_id=second, code="00000000", browser_binding=BROWSER, visitor=VISITOR
        )


async def test_twenty_at_once_with_one_code_make_one_subject(identity: IdentityForTests) -> None:
    registration_id = uuid4()
    await identity.begin(registration_id, ADDRESS)
    code = await identity.mailed_code()
    outcomes = await asyncio.gather(
        *(
            identity.verify_registration(
                registration_id=registration_id, code=code, browser_binding=BROWSER, visitor=VISITOR
            )
            for _ in range(20)
        ),
        return_exceptions=True,
    )
    won = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
    assert len(won) == 1
    assert all(isinstance(outcome, CodeInvalid | AuthenticationDelayed) for outcome in outcomes if outcome not in won)
    assert len(await identity.as_administrator("SELECT FROM subject")) == 1
    assert (await identity.actions()).count("user.registered") == 1


async def test_what_was_prepared_for_an_address_is_void_once_its_owner_proves_it(identity: IdentityForTests) -> None:
    squatter, owner = uuid4(), uuid4()
    await identity.begin(squatter, ADDRESS, password="squatters horse battery staple")
    squatters_code = await identity.mailed_code()
    await identity.begin(owner, ADDRESS)
    owners_code = await identity.mailed_code()
    await identity.verify_registration(
        registration_id=owner, code=owners_code, browser_binding=BROWSER, visitor=VISITOR
    )
    with pytest.raises(CodeInvalid):
        await identity.verify_registration(
            registration_id=squatter, code=squatters_code, browser_binding=BROWSER, visitor=VISITOR
        )
    assert len(await identity.as_administrator("SELECT FROM subject")) == 1


async def test_weak_passwords_are_refused_with_advice(identity: IdentityForTests) -> None:
    with pytest.raises(PasswordWeak) as refusal:
        await identity.begin(uuid4(), ADDRESS, password="password1234")
    assert refusal.value.metadata["feedback"]
    with pytest.raises(PasswordWeak):
        await identity.begin(uuid4(), "wilhelmina.bartholomew@example.org", password="wilhelminabartholomew")


async def test_what_is_no_address_is_refused(identity: IdentityForTests) -> None:
    for typed in (
        "ada",
        "ada@",
        "a@b@example.org",
        "ada@example.org, eve@example.org",
        "ada@example.org\r\nBcc: x@y.org",
    ):
        with pytest.raises(AddressInvalid):
            await identity.begin(uuid4(), typed)


async def test_mail_waits_for_the_mail_server(identity: IdentityForTests) -> None:
    identity.mails.is_down = True
    await identity.begin(uuid4(), ADDRESS)
    with pytest.raises(MailUnavailable):
        await identity.deliver_mail.batch()
    identity.mails.is_down = False
    assert await identity.deliver_mail.batch() == 0
    identity.clock.advance(30)
    assert await identity.deliver_mail.batch() == 1
    identity.clock.advance(30)
    assert await identity.deliver_mail.batch() == 0
    assert len(identity.mails.sent) == 1
