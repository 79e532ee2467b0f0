"""The vault: keys made once, derived per reader, destroyed for good."""

import asyncio
from datetime import date
from uuid import UUID, uuid4

import asyncpg
import pytest

from libs.crypto.errors import KeyDestroyed
from libs.crypto.hpke import ReaderPrivateKey, open_with, seal_to
from libs.crypto.key_owner import Destroyed, InvitationOwner, KeyOwner, KeyReference, SubjectOwner, VisitorOwner
from libs.crypto.keyring import LocalKeyring
from libs.crypto.reader_key import ReaderPublicKey
from libs.crypto.sealing import SymmetricKey
from libs.db.context import Context
from libs.ids import PLATFORM, SystemEntropy
from services.identity.commands.data_key import DataKeys
from services.identity.domain.errors import PlatformIndestructible, SubjectUnknown
from tests.support.identity import IdentityForTests, identity_for_tests
from tests.support.postgres import ServiceDatabases

DAY = date(2026, 11, 22)


def owners() -> list[KeyOwner]:
    return [
        SubjectOwner(subject=uuid4(), workspace=uuid4()),
        InvitationOwner(invitation=uuid4(), workspace=uuid4()),
        VisitorOwner(log=uuid4(), day=DAY),
    ]


async def public_keys(identity: IdentityForTests, *asked: KeyOwner, reader: str = "audit") -> list[ReaderPublicKey]:
    return [key for key in await identity.ensure_public_keys(reader, asked) if isinstance(key, ReaderPublicKey)]


async def destroy(identity: IdentityForTests, *, subject: UUID | None = None, workspace: UUID | None = None) -> int:
    return await identity.destroy_keys(subject_id=subject, workspace_id=workspace, peer="datarights")


async def test_an_owner_gets_one_key_and_keeps_it(identity: IdentityForTests) -> None:
    asked = owners()
    first = await public_keys(identity, *asked)
    assert len({key.key_id for key in first}) == 3
    assert await public_keys(identity, *reversed(asked)) == list(reversed(first))


async def test_what_is_sealed_to_a_reader_opens_for_it_and_for_no_other(identity: IdentityForTests) -> None:
    (public,) = await public_keys(identity, owners()[0])
    reference = public.reference
    message = seal_to(public, info=b"i", aad=b"a", plaintext=b"hello")
    opened = {}
    for reader in ("audit", "session"):
        (keys,) = await identity.get_reader_keys(reader, [reference])
        assert not isinstance(keys, Destroyed)
        private = ReaderPrivateKey(key_id=public.key_id, version=1, private=keys.hpke_private)
        try:
            opened[reader] = open_with(private, info=b"i", aad=b"a", message=message)
        except Exception as error:
            opened[reader] = type(error).__name__.encode()
    assert opened == {"audit": b"hello", "session": b"SealBroken"}


async def test_fifty_at_once_make_one_key(identity: IdentityForTests) -> None:
    asked = owners()
    answers = await asyncio.gather(*(public_keys(identity, *asked) for _ in range(50)))
    assert all(answer == answers[0] for answer in answers)
    rows = await identity.as_administrator("SELECT count(*) AS n FROM data_key", vault=True)
    assert rows[0]["n"] == 3


async def test_batches_in_any_order_do_not_block_one_another(identity: IdentityForTests) -> None:
    workspace = uuid4()
    asked: list[KeyOwner] = [SubjectOwner(subject=uuid4(), workspace=workspace) for _ in range(100)]
    answers = await asyncio.gather(
        *(identity.ensure_public_keys("audit", asked if n % 2 else asked[::-1]) for n in range(10))
    )
    assert all(set(answer) == set(answers[0]) for answer in answers)


async def test_a_destroyed_key_opens_nothing_and_is_never_created_again(identity: IdentityForTests) -> None:
    owner = SubjectOwner(subject=uuid4(), workspace=uuid4())
    (public,) = await public_keys(identity, owner)
    assert await destroy(identity, subject=owner.subject, workspace=owner.workspace) == 1
    reference = public.reference
    assert await identity.get_reader_keys("audit", [reference]) == [Destroyed()]
    assert await identity.ensure_public_keys("audit", [owner]) == [Destroyed()]
    rows = await identity.as_administrator("SELECT wrapped FROM data_key", vault=True)
    assert [row["wrapped"] for row in rows] == [None]


async def test_a_key_that_never_was_is_not_created_after_its_destruction(identity: IdentityForTests) -> None:
    owner = SubjectOwner(subject=uuid4(), workspace=uuid4())
    await destroy(identity, subject=owner.subject, workspace=owner.workspace)
    assert await identity.ensure_public_keys("audit", [owner]) == [Destroyed()]


async def test_a_person_destroyed_everywhere_gets_no_key_anywhere(identity: IdentityForTests) -> None:
    subject, elsewhere = uuid4(), uuid4()
    keys = await public_keys(
        identity, *(SubjectOwner(subject=subject, workspace=workspace) for workspace in (PLATFORM, uuid4()))
    )
    other = SubjectOwner(subject=uuid4(), workspace=elsewhere)
    await public_keys(identity, other)
    assert await destroy(identity, subject=subject) == 2
    references = [key.reference for key in keys]
    assert await identity.get_reader_keys("audit", references) == [Destroyed(), Destroyed()]
    fresh = SubjectOwner(subject=subject, workspace=elsewhere)
    assert await identity.ensure_public_keys("audit", [fresh]) == [Destroyed()]
    assert await public_keys(identity, other)


async def test_closing_a_workspace_takes_everybody_in_it_and_nobody_else(identity: IdentityForTests) -> None:
    workspace = uuid4()
    inside: list[KeyOwner] = [
        SubjectOwner(subject=uuid4(), workspace=workspace),
        InvitationOwner(invitation=uuid4(), workspace=workspace),
        VisitorOwner(log=workspace, day=DAY),
    ]
    outside = owners()
    await public_keys(identity, *inside, *outside)
    assert await destroy(identity, workspace=workspace) == 3
    late = SubjectOwner(subject=uuid4(), workspace=workspace)
    assert await identity.ensure_public_keys("audit", [*inside, late]) == [Destroyed()] * 4
    assert await identity.get_tag_keys([(workspace, "2026-11")]) == [Destroyed()]
    assert len(await public_keys(identity, *outside)) == 3


async def test_the_platform_is_not_destroyed(identity: IdentityForTests) -> None:
    with pytest.raises(PlatformIndestructible):
        await destroy(identity, workspace=PLATFORM)


@pytest.mark.parametrize("scope", ["workspace", "everywhere"])
async def test_creating_and_destroying_at_once_leaves_nothing_readable(identity: IdentityForTests, scope: str) -> None:
    subject = uuid4()
    workspaces = [uuid4() for _ in range(10)]
    asked = [SubjectOwner(subject=subject, workspace=workspace) for workspace in workspaces]
    await asyncio.gather(
        *(identity.ensure_public_keys("audit", [owner]) for owner in asked),
        *(
            [destroy(identity, subject=subject)]
            if scope == "everywhere"
            else [destroy(identity, subject=subject, workspace=workspace) for workspace in workspaces]
        ),
    )
    assert await identity.ensure_public_keys("audit", asked) == [Destroyed()] * 10
    rows = await identity.as_administrator("SELECT FROM data_key WHERE wrapped IS NOT NULL", vault=True)
    assert rows == []


async def test_an_adopted_key_goes_with_the_person(identity: IdentityForTests) -> None:
    workspace, subject = uuid4(), uuid4()
    invitation = InvitationOwner(invitation=uuid4(), workspace=workspace)
    bystander = InvitationOwner(invitation=uuid4(), workspace=workspace)
    await public_keys(identity, invitation, bystander, SubjectOwner(subject=subject, workspace=workspace))
    for _ in range(2):
        await identity.adopt_invitation_key(
            invitation_id=invitation.invitation, workspace_id=workspace, subject_id=subject
        )
    # Nobody takes over what another has adopted.
    await identity.adopt_invitation_key(invitation_id=invitation.invitation, workspace_id=workspace, subject_id=uuid4())
    assert await destroy(identity, subject=subject, workspace=workspace) == 2
    assert await identity.ensure_public_keys("audit", [invitation]) == [Destroyed()]
    assert len(await public_keys(identity, bystander)) == 1


async def test_a_key_adopted_by_somebody_erased_goes_at_once(identity: IdentityForTests) -> None:
    workspace, subject = uuid4(), uuid4()
    invitation = InvitationOwner(invitation=uuid4(), workspace=workspace)
    await public_keys(identity, invitation)
    await destroy(identity, subject=subject)
    await identity.adopt_invitation_key(invitation_id=invitation.invitation, workspace_id=workspace, subject_id=subject)
    assert await identity.ensure_public_keys("audit", [invitation]) == [Destroyed()]


async def test_a_destruction_is_reported_once_however_often_it_is_asked_for(identity: IdentityForTests) -> None:
    subject, workspace = uuid4(), uuid4()
    await public_keys(identity, SubjectOwner(subject=subject, workspace=workspace))
    assert await destroy(identity, subject=subject, workspace=workspace) == 1
    assert await destroy(identity, subject=subject, workspace=workspace) == 0
    ((leaf, _),) = await identity.events()
    assert (leaf.action, leaf.log, leaf.target.id) == ("key.destroyed", workspace.bytes, subject.bytes)


async def test_an_erased_person_is_unknown(identity: IdentityForTests) -> None:
    registered = await identity.signed_up("ada@example.org")
    await destroy(identity, subject=registered.subject_id)
    with pytest.raises(SubjectUnknown):
        await identity.get_subject(registered.subject_id)
    with pytest.raises(KeyDestroyed):
        await identity.personal_data.key_of(SubjectOwner(subject=registered.subject_id, workspace=PLATFORM))


async def test_tag_keys_differ_by_workspace_and_month(identity: IdentityForTests) -> None:
    one, other = uuid4(), uuid4()
    periods = [(one, "2026-11"), (one, "2026-12"), (other, "2026-11")]
    keys = await identity.get_tag_keys(periods)
    assert len({key for key in keys if isinstance(key, bytes)}) == 3
    assert await identity.get_tag_keys(periods) == keys


async def test_unknown_references_are_as_destroyed_ones(identity: IdentityForTests) -> None:
    (public,) = await public_keys(identity, owners()[0])
    asked = [KeyReference(key_id=uuid4(), version=1), KeyReference(key_id=public.key_id, version=2)]
    assert await identity.get_reader_keys("audit", asked) == [Destroyed(), Destroyed()]


async def test_another_workspaces_context_sees_no_key(identity: IdentityForTests) -> None:
    owner = SubjectOwner(subject=uuid4(), workspace=uuid4())
    await public_keys(identity, owner)
    for context in (Context(), Context(workspaces=frozenset({uuid4()}), subjects=frozenset({uuid4()}))):
        async with identity.vault_database.transaction(context) as tx:
            for table in ("workspace_key", "data_key", "data_subject"):
                assert await tx.fetch(f"SELECT * FROM {table}") == []
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with identity.vault_database.transaction(Context(workspaces=frozenset({owner.workspace}))) as tx:
            await tx.execute("DELETE FROM data_key")


async def test_no_key_is_stored_in_clear(identity: IdentityForTests) -> None:
    (key,) = await identity.data_keys.ensure([owners()[0]])
    assert not isinstance(key, Destroyed)
    for table in ("data_key", "workspace_key"):
        for row in await identity.as_administrator(f"SELECT wrapped FROM {table}", vault=True):
            assert key.key not in row["wrapped"]


class CountingKeyring(LocalKeyring):
    """Says how often it was asked."""

    unwrapped = 0

    async def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        self.unwrapped += 1
        return await super().unwrap(wrapped, context)


async def test_the_key_provider_is_asked_again_after_a_minute(service_database: ServiceDatabases) -> None:
    keyring = CountingKeyring(keys=(SymmetricKey(key=b"r" * 32, version=1),), entropy=SystemEntropy())
    async with identity_for_tests(service_database, provider=keyring) as identity:
        owner = owners()[0]
        for _ in range(5):
            await public_keys(identity, owner)
        assert keyring.unwrapped == 1
        identity.clock.advance(60)
        await public_keys(identity, owner)
        assert keyring.unwrapped == 2


async def test_keys_open_under_a_rotated_provider(identity: IdentityForTests) -> None:
    owner = owners()[0]
    (before,) = await identity.data_keys.ensure([owner])
    kept, new = SymmetricKey(key=b"r" * 32, version=1), SymmetricKey(key=b"n" * 32, version=2)
    rotated = DataKeys(
        store=identity.vault_store,
        provider=LocalKeyring(keys=(kept, new), entropy=SystemEntropy()),
        clock=identity.clock,
        ids=identity.ids,
        entropy=SystemEntropy(),
    )
    assert await rotated.ensure([owner]) == [before]
