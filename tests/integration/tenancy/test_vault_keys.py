"""What is sealed under people's keys, through the vault's client, with a vault of a few lines behind it."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from libs.crypto.derivation import derive_reader_keys
from libs.crypto.errors import SealBroken
from libs.crypto.hpke import ReaderPrivateKey
from libs.crypto.vault import VaultClient
from services.tenancy.clients.vault import VaultKeys
from services.tenancy.domain.errors import KeyGone, KeysUnavailable
from services.tenancy.domain.invitation import Adoption, Invitation
from services.tenancy.domain.membership import Contact, Membership
from services.tenancy.domain.ports import NewKey
from tests.support.clock import HeldClock
from tests.support.entropy import CountedEntropy
from wardenry.errors.error import Unavailable
from wardenry.events.v1 import envelope_pb2
from wardenry.identity.v1 import vault_pb2
from wardenry.permissions import Role

WORKSPACE, SUBJECT, INVITATION, OTHER = (UUID(int=number) for number in range(1, 5))
NOW = datetime(2026, 11, 22, tzinfo=UTC)
CONTACT = Contact(name="Ada", address="ada@example.com")


@dataclass
class SmallVault:
    """Answers as the vault's stub does; each owner's data key is the hash of its name."""

    destroyed: bool = False
    down: bool = False
    adopted: list[str] = field(default_factory=list)

    async def EnsurePublicKeys(self, request: Any, timeout: float) -> vault_pb2.EnsurePublicKeysResponse:
        await self._answer()
        assert request.reader == "audit"
        keys = []
        for owner in request.owners:
            key_id = UUID(owner.subject.subject_id or owner.invitation.invitation_id)
            private = derive_reader_keys(key_id.bytes * 2, "audit", "values").hpke_private
            public = ReaderPrivateKey(key_id=key_id, version=1, private=private).public_key()
            keys.append(
                vault_pb2.ReaderPublicKey(
                    key=envelope_pb2.KeyReference(key=key_id.bytes, version=1),
                    public_key=public.public,
                    destroyed=self.destroyed,
                )
            )
        return vault_pb2.EnsurePublicKeysResponse(keys=keys)

    async def GetReaderKeys(self, request: Any, timeout: float) -> vault_pb2.GetReaderKeysResponse:
        await self._answer()
        keys = []
        for reference in request.keys:
            own = derive_reader_keys(reference.key * 2, "tenancy", "values")
            keys.append(
                vault_pb2.ReaderKeys(
                    key=reference,
                    symmetric_key=b"" if self.destroyed else own.symmetric,
                    private_key=b"" if self.destroyed else own.hpke_private,
                    destroyed=self.destroyed,
                )
            )
        return vault_pb2.GetReaderKeysResponse(keys=keys)

    async def GetTagKeys(self, request: Any, timeout: float) -> vault_pb2.GetTagKeysResponse:
        await self._answer()
        return vault_pb2.GetTagKeysResponse(keys=[b"" if self.destroyed else bytes(32)])

    async def AdoptInvitationKey(self, request: Any, timeout: float) -> vault_pb2.AdoptInvitationKeyResponse:
        await self._answer()
        self.adopted.append(request.subject_id)
        return vault_pb2.AdoptInvitationKeyResponse()

    async def _answer(self) -> None:
        await asyncio.sleep(0)
        if self.down:
            raise Unavailable("away", remote=True)


class Keys:
    def __init__(self) -> None:
        self.vault = SmallVault()
        self.clock = HeldClock()
        client = VaultClient(stub=self.vault, clock=self.clock)  # type: ignore[arg-type] # the stub's shape, not its type
        self.keys = VaultKeys(client=client, entropy=CountedEntropy())


def membership(key: NewKey, **changes: Any) -> Membership:
    values: dict[str, Any] = {
        "workspace": WORKSPACE,
        "subject": SUBJECT,
        "role": Role.MEMBER,
        "epoch": 1,
        "joined_at": NOW,
        "audit_key": key.audit,
        "contact": key.sealed,
    }
    return Membership(**{**values, **changes})


def invitation(key: NewKey) -> Invitation:
    return Invitation(
        workspace=WORKSPACE,
        id=INVITATION,
        role=Role.MEMBER,
        inviter=SUBJECT,
        address=key.sealed,
        address_tag=bytes(32),
        key=key.audit.reference,
        created_at=NOW,
        expires_at=NOW + timedelta(days=7),
    )


async def test_contacts_open_in_their_own_row_alone() -> None:
    world = Keys()
    key = await world.keys.new_member(workspace=WORKSPACE, subject=SUBJECT, contact=CONTACT)
    assert b"Ada" not in key.sealed
    own = membership(key)
    assert await world.keys.contacts([own, membership(key, contact=None)]) == [CONTACT, None]
    for moved in (replace(own, workspace=OTHER), replace(own, subject=OTHER)):
        with pytest.raises(SealBroken):
            await world.keys.contacts([moved])


async def test_addresses_open_in_their_own_row_alone() -> None:
    world = Keys()
    key = await world.keys.new_invitation(workspace=WORKSPACE, invitation=INVITATION, address="bob@example.com")
    assert await world.keys.addresses([invitation(key)]) == ["bob@example.com"]
    with pytest.raises(SealBroken):
        await world.keys.addresses([replace(invitation(key), id=OTHER)])


async def test_a_destroyed_key_opens_nothing_a_minute_later_and_is_not_made_again() -> None:
    world = Keys()
    key = await world.keys.new_member(workspace=WORKSPACE, subject=SUBJECT, contact=CONTACT)
    world.vault.destroyed = True
    world.clock.advance(60)
    assert await world.keys.contacts([membership(key)]) == [None]
    with pytest.raises(KeyGone):
        await world.keys.new_member(workspace=WORKSPACE, subject=SUBJECT, contact=CONTACT)
    with pytest.raises(KeyGone):
        await world.keys.new_invitation(workspace=WORKSPACE, invitation=INVITATION, address="bob@example.com")
    assert await world.keys.tag_key(WORKSPACE, date(2026, 11, 22)) is None


async def test_a_vault_that_is_away_is_told_as_such() -> None:
    world = Keys()
    key = await world.keys.new_member(workspace=WORKSPACE, subject=SUBJECT, contact=CONTACT)
    world.vault.down = True
    world.clock.advance(60)
    adoption = Adoption(workspace=WORKSPACE, invitation=INVITATION, subject=SUBJECT)
    for asking in (
        world.keys.contacts([membership(key)]),
        world.keys.new_member(workspace=WORKSPACE, subject=OTHER, contact=CONTACT),
        world.keys.tag_key(WORKSPACE, date(2026, 11, 22)),
        world.keys.adopt(adoption),
    ):
        with pytest.raises(KeysUnavailable):
            await asking
    world.vault.down = False
    await world.keys.adopt(adoption)
    assert world.vault.adopted == [str(SUBJECT)]
