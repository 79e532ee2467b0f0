"""Identity's vault, and opening what was sealed to audit."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

from libs.crypto.errors import KeyDestroyed, SealBroken
from libs.crypto.hpke import ReaderPrivateKey
from libs.crypto.key_owner import Destroyed, KeyReference, SubjectOwner
from libs.crypto.reader_key import ReaderPublicKey
from libs.crypto.vault import VaultClient, VaultUnavailable
from libs.events.envelope import open_sealed
from services.audit.domain.entry import OpenedEntry, SaltedValue, StoredEntry
from services.audit.domain.errors import KeysUnavailable, PersonErased
from wardenry.log.commitment import CommitmentMismatch
from wardenry.log.leaf import parse_leaf

_log = logging.getLogger(__name__)
_AUDIT = "audit"
#: Fewer entries than this are opened on the spot; handing them to a thread would cost more.
_ON_THE_SPOT = 4


class IdentityVault:
    def __init__(self, *, client: VaultClient) -> None:
        self._client = client

    async def public_key(self, *, subject: UUID, workspace: UUID) -> ReaderPublicKey:
        try:
            return await self._client.public_key(_AUDIT, SubjectOwner(subject=subject, workspace=workspace))
        except KeyDestroyed:
            raise PersonErased from None
        except VaultUnavailable as error:
            raise KeysUnavailable from error

    async def tag_key(self, workspace: UUID, day: date) -> bytes | None:
        try:
            return await self._client.tag_key(workspace, day)
        except KeyDestroyed:
            return None
        except VaultUnavailable as error:
            raise KeysUnavailable from error

    async def opened(self, entries: Sequence[StoredEntry]) -> Sequence[OpenedEntry]:
        references = list(dict.fromkeys(person.key for entry in entries for person in entry.sealed))
        try:
            keys = await self._client.reader_keys(references) if references else []
        except VaultUnavailable as error:
            raise KeysUnavailable from error
        private = {
            reference: key.private
            for reference, key in zip(references, keys, strict=True)
            if not isinstance(key, Destroyed)
        }
        if len(entries) < _ON_THE_SPOT:
            return open_entries(entries, private)
        return await asyncio.to_thread(open_entries, entries, private)


def open_entries(entries: Sequence[StoredEntry], private: Mapping[KeyReference, ReaderPrivateKey]) -> list[OpenedEntry]:
    """The entries with the values that these keys open."""
    return [_opened(entry, private) for entry in entries]


def _opened(entry: StoredEntry, private: Mapping[KeyReference, ReaderPrivateKey]) -> OpenedEntry:
    values: dict[tuple[str, str], SaltedValue] = {}
    for person in entry.sealed:
        key = private.get(person.key)
        if key is None:
            continue
        try:
            found = open_sealed(leaf=entry.leaf, role=person.role, message=person.message, private_key=key)
        except (SealBroken, CommitmentMismatch) as error:
            # Whoever sealed it lied, or the row was changed: nothing of it may be shown as the person's.
            _log.error(
                "the %s's values of an entry cannot be opened: %s",
                person.role,
                type(error).__name__,
                extra={"alarm": "values_unreadable", "index": entry.index},
            )
            continue
        values |= {(person.role, field): SaltedValue(each.salt, each.value) for field, each in found.items()}
    return OpenedEntry(stored=entry, leaf=parse_leaf(entry.leaf), values=values)
