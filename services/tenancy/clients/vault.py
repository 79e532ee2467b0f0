"""Keys of people, and what is sealed under them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from uuid import UUID

from libs.crypto.errors import KeyDestroyed
from libs.crypto.key_owner import Destroyed, InvitationOwner, KeyOwner, KeyReference, SubjectOwner
from libs.crypto.reader_key import ReaderPublicKey
from libs.crypto.sealing import AssociatedData, Sealer
from libs.crypto.vault import ReadingKeys, VaultClient, VaultUnavailable
from libs.ids import Entropy
from services.tenancy.domain.errors import KeyGone, KeysUnavailable
from services.tenancy.domain.invitation import Adoption, DueMail, Invitation
from services.tenancy.domain.membership import Contact, Membership
from services.tenancy.domain.ports import NewKey
from wardenry.framing import frame, unframe

_AUDIT = "audit"


class VaultKeys:
    def __init__(self, *, client: VaultClient, entropy: Entropy) -> None:
        self._client = client
        self._entropy = entropy

    async def new_member(self, *, workspace: UUID, subject: UUID, contact: Contact) -> NewKey:
        return await self._new(
            SubjectOwner(subject=subject, workspace=workspace),
            frame(contact.name.encode(), contact.address.encode()),
            _contact_place(workspace, subject),
        )

    async def contacts(self, memberships: Sequence[Membership]) -> list[Contact | None]:
        opened = await self._opened(
            [
                (each.audit_key.reference, each.contact, _contact_place(each.workspace, each.subject))
                for each in memberships
            ]
        )
        return [None if value is None else _contact(value) for value in opened]

    async def new_invitation(self, *, workspace: UUID, invitation: UUID, address: str) -> NewKey:
        return await self._new(
            InvitationOwner(invitation=invitation, workspace=workspace),
            address.encode(),
            _address_place(workspace, invitation),
        )

    async def addresses(self, invitations: Sequence[Invitation | DueMail]) -> list[str | None]:
        opened = await self._opened(
            [
                (
                    each.key,
                    each.address,
                    _address_place(each.workspace, each.id if isinstance(each, Invitation) else each.invitation),
                )
                for each in invitations
            ]
        )
        return [None if value is None else value.decode() for value in opened]

    async def invitation_key(self, *, workspace: UUID, invitation: UUID) -> ReaderPublicKey:
        with _translated():
            return await self._client.public_key(_AUDIT, InvitationOwner(invitation=invitation, workspace=workspace))

    async def adopt(self, adoption: Adoption) -> None:
        with _translated():
            await self._client.adopt_invitation_key(
                invitation=adoption.invitation, workspace=adoption.workspace, subject=adoption.subject
            )

    async def tag_key(self, workspace: UUID, day: date) -> bytes | None:
        try:
            with _translated():
                return await self._client.tag_key(workspace, day)
        except KeyGone:
            return None

    async def _new(self, owner: KeyOwner, value: bytes, place: AssociatedData) -> NewKey:
        with _translated():
            audit = await self._client.public_key(_AUDIT, owner)
            (reading,) = await self._client.reader_keys([audit.reference])
        if isinstance(reading, Destroyed):
            raise KeyGone
        return NewKey(audit=audit, sealed=self._sealer(reading, audit.reference).seal(value, place))

    async def _opened(self, values: Sequence[tuple[KeyReference, bytes | None, AssociatedData]]) -> list[bytes | None]:
        references = list(dict.fromkeys(reference for reference, sealed, _ in values if sealed is not None))
        if not references:
            return [None for _ in values]
        with _translated():
            keys = dict(zip(references, await self._client.reader_keys(references), strict=True))
        opened: list[bytes | None] = []
        for reference, sealed, place in values:
            reading = keys.get(reference)
            if sealed is None or not isinstance(reading, ReadingKeys):
                opened.append(None)
            else:
                opened.append(self._sealer(reading, reference).open(sealed, place))
        return opened

    def _sealer(self, reading: ReadingKeys, reference: KeyReference) -> Sealer:
        return Sealer(key=reading.symmetric, entropy=self._entropy, key_version=reference.version)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except VaultUnavailable as error:
        raise KeysUnavailable from error
    except KeyDestroyed as error:
        raise KeyGone from error


def _contact_place(workspace: UUID, subject: UUID) -> AssociatedData:
    return AssociatedData(field="membership.contact", workspace=workspace, row=subject)


def _address_place(workspace: UUID, invitation: UUID) -> AssociatedData:
    return AssociatedData(field="invitation.address", workspace=workspace, row=invitation)


def _contact(value: bytes) -> Contact:
    name, address = unframe(value, count=2)
    return Contact(name=name.decode(), address=address.decode())
