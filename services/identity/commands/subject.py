"""Who subjects are."""

from collections.abc import Collection
from uuid import UUID

from libs.crypto.key_owner import Destroyed
from services.identity.domain import place
from services.identity.domain.errors import SubjectUnknown
from services.identity.domain.ports import PersonalData, Store
from services.identity.domain.subject import Contact


class GetContacts:
    """Names and addresses of subjects."""

    def __init__(self, *, store: Store, personal_data: PersonalData) -> None:
        self._store = store
        self._personal_data = personal_data

    async def __call__(self, subject_ids: Collection[UUID]) -> list[Contact]:
        """In no order. Who is unknown or erased is left out."""
        async with self._store.transaction(*subject_ids) as tx:
            subjects = await tx.subjects.get(subject_ids)
        sealed = [
            (subject.data_key, where, value)
            for subject in subjects
            for where, value in (
                (place.display_name(subject.subject_id), subject.display_name),
                (place.address(subject.address_id), subject.address),
            )
        ]
        values = await self._personal_data.open(sealed) if sealed else []
        return [
            Contact(
                subject_id=subject.subject_id,
                display_name=name.decode(),
                address=address.decode(),
                created_at=subject.created_at,
            )
            for subject, name, address in zip(subjects, values[::2], values[1::2], strict=True)
            if not isinstance(name, Destroyed) and not isinstance(address, Destroyed)
        ]


class GetSubject:
    """One subject."""

    def __init__(self, *, get_contacts: GetContacts) -> None:
        self._get_contacts = get_contacts

    async def __call__(self, subject_id: UUID) -> Contact:
        """Raises SubjectUnknown."""
        contacts = await self._get_contacts([subject_id])
        if not contacts:
            raise SubjectUnknown
        return contacts[0]
