"""Identity's part in people's rights: what it shows, corrects and removes, of this person and of nobody else."""

import asyncio

import pytest

from libs.crypto.key_owner import SubjectOwner
from libs.ids import PLATFORM
from services.identity.commands.authentication import PasswordInput
from services.identity.commands.subject_data import SubjectData
from services.identity.domain.device import remember
from services.identity.domain.errors import CredentialsInvalid, SessionsUnavailable, TicketInvalid
from tests.support.held_hasher import HeldHasher
from tests.support.identity import BROWSER, PASSWORD, VISITOR, IdentityForTests
from tests.support.postgres import waits_for_a_lock

ADA, BOB = "ada@example.org", "bob@example.org"


def subject_data(identity: IdentityForTests) -> SubjectData:
    return SubjectData(
        store=identity.store,
        get_contacts=identity.get_contacts,
        personal_data=identity.personal_data,
        sessions=identity.sessions,
        clock=identity.clock,
        ids=identity.ids,
    )


async def test_a_person_is_shown_what_is_held_about_them_alone(identity: IdentityForTests) -> None:
    ada = (await identity.signed_up(ADA)).subject_id
    await identity.signed_up(BOB, name="Bob")
    data = subject_data(identity)
    rows = [row async for row in data.rows(ada)]
    described = {each.name: set(each.fields) for each in data.categories()}
    assert all(row.values.keys() == described[row.category] for row in rows)
    assert [row.category for row in rows] == ["account", "devices"]
    assert (rows[0].values["name"], rows[0].values["address"]) == ("Ada", ADA)
    assert "Bob" not in str(rows)


async def test_a_name_is_corrected_once_with_both_sealed_in_the_log(identity: IdentityForTests) -> None:
    ada = (await identity.signed_up(ADA)).subject_id
    data = subject_data(identity)
    assert await data.rectify(ada, field="name", value="Augusta Ada") == 1
    assert await data.rectify(ada, field="name", value="Augusta Ada") == 0
    assert (await identity.get_subject(ada)).display_name == "Augusta Ada"
    leaf, envelope = (await identity.events())[-1]
    assert (leaf.action, leaf.target.id, dict(leaf.details)) == ("subject.rectified", ada.bytes, {"field": "name"})
    assert {each.field for each in leaf.commitments} == {"name", "previous_name"}
    assert b"Augusta" not in envelope.SerializeToString()
    assert (await identity.actions()).count("subject.rectified") == 1


async def test_an_erased_person_is_nobody_and_the_address_is_free(identity: IdentityForTests) -> None:
    ada = (await identity.signed_up(ADA)).subject_id
    bob = (await identity.signed_up(BOB, name="Bob")).subject_id
    ticket = await identity.sign_in(ADA)
    data = subject_data(identity)
    erased = await data.erase(ada)
    assert erased.rows >= 5
    assert identity.sessions.ended == [(ada, 2, None)]
    for table in ("address", "address_claim", "password", "device", "ticket"):
        rows = await identity.as_administrator(f"SELECT DISTINCT subject_id FROM {table}")
        assert ada not in {row["subject_id"] for row in rows}, table
    (subject,) = await identity.as_administrator("SELECT * FROM subject WHERE subject_id = $1", ada)
    assert (subject["display_name"], subject["epoch"]) == (b"", 2)
    assert subject["erased_at"]
    assert [row async for row in data.rows(ada)] == []
    with pytest.raises(CredentialsInvalid):
        await identity.sign_in(ADA)
    assert ticket.ticket
    assert await identity.sign_in(BOB)
    again = (await identity.signed_up(ADA, name="Another")).subject_id
    assert again not in (ada, bob)
    assert await data.rectify(ada, field="name", value="Back") == 0


async def test_erasing_again_is_harmless_and_ends_what_session_missed(identity: IdentityForTests) -> None:
    ada = (await identity.signed_up(ADA)).subject_id
    data = subject_data(identity)
    identity.sessions.is_down = True
    with pytest.raises(SessionsUnavailable):
        await data.erase(ada)
    identity.sessions.is_down = False
    assert (await data.erase(ada)).rows == 0
    assert identity.sessions.ended == [(ada, 2, None)]
    assert (await identity.actions()).count("credential.changed") == 1
    await identity.destroy_keys(subject_id=ada, workspace_id=None, peer="datarights")
    assert (await data.erase(ada)).rows == 0
    owner = SubjectOwner(subject=ada, workspace=PLATFORM)
    assert not [key for key in await identity.ensure_public_keys("audit", [owner]) if hasattr(key, "public")]


async def test_a_sign_in_that_an_erasure_overtakes_leaves_nothing(identity: IdentityForTests) -> None:
    ada = (await identity.signed_up(ADA)).subject_id
    hasher = HeldHasher(identity.hasher, outdated=True)
    late = identity.authenticate
    late._hasher = hasher
    given = PasswordInput(address=ADA, password=PASSWORD, browser_binding=BROWSER, device_token=b"", workspace_id=None)
    signing_in = asyncio.create_task(late(given, VISITOR))
    await hasher.compared.wait()
    await subject_data(identity).erase(ada)
    hasher.go_on.set()
    ticket = (await signing_in).ticket
    for table in ("device", "password", "address", "address_claim"):
        assert await identity.as_administrator(f"SELECT FROM {table} WHERE subject_id = $1", ada) == [], table
    with pytest.raises(TicketInvalid):
        await identity.redeem_ticket(ticket=ticket, browser_binding=BROWSER, redemption_id=identity.ids.uuid7())
    assert (await identity.actions()).count("device.remembered") == 1


async def test_an_erasure_waits_for_a_device_that_is_being_remembered(identity: IdentityForTests) -> None:
    ada = (await identity.signed_up(ADA)).subject_id
    device = remember(subject_id=ada, device_id=identity.ids.uuid7(), token=b"t" * 32, now=identity.clock.now())
    async with identity.store.transaction(ada) as tx:
        assert await tx.devices.add(device)
        erasing = asyncio.create_task(subject_data(identity).erase(ada))
        await waits_for_a_lock(identity.identity.administrator)
    await erasing
    assert await identity.as_administrator("SELECT FROM device WHERE subject_id = $1", ada) == []


async def test_who_is_unknown_has_nothing(identity: IdentityForTests) -> None:
    data, nobody = subject_data(identity), identity.ids.uuid7()
    assert [row async for row in data.rows(nobody)] == []
    assert (await data.erase(nobody)).rows == 0
    assert identity.sessions.ended == []
