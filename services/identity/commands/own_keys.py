"""Identity as a client of its own vault, in process: its values, and what its events are sealed to."""

from collections.abc import Sequence
from datetime import date
from typing import Final
from uuid import UUID

from libs.crypto.derivation import PERSONAL_VALUES, derive_reader_keys
from libs.crypto.errors import KeyDestroyed
from libs.crypto.key_owner import Destroyed, KeyOwner, KeyReference, VisitorOwner
from libs.crypto.reader_key import ReaderPublicKey
from libs.crypto.sealing import AssociatedData, Sealer
from libs.ids import Entropy
from libs.recent import Recent
from services.identity.commands.data_key import DataKey, DataKeys, opened
from services.identity.commands.vault import EnsurePublicKeys, GetTagKeys, public_key

_READER: Final = "identity"
_AUDIT: Final = "audit"
#: Entries that are kept: logs of a day, or of a month.
_CACHED: Final = 10_000


class PersonalDataInProcess:
    """domain.ports.PersonalData on the vault of this process."""

    def __init__(self, *, data_keys: DataKeys, entropy: Entropy) -> None:
        self._data_keys = data_keys
        self._entropy = entropy

    async def key_of(self, owner: KeyOwner) -> KeyReference:
        (key,) = await self._data_keys.ensure([owner])
        return opened(key).reference

    async def audit_key(self, owner: KeyOwner) -> ReaderPublicKey:
        (key,) = await self._data_keys.ensure([owner])
        return public_key(opened(key), _AUDIT)

    async def seal(self, reference: KeyReference, values: Sequence[tuple[AssociatedData, bytes]]) -> list[bytes]:
        (key,) = await self._data_keys.read([reference])
        sealer = self._sealer(opened(key))
        return [sealer.seal(value, place) for place, value in values]

    async def open(self, values: Sequence[tuple[KeyReference, AssociatedData, bytes]]) -> list[bytes | Destroyed]:
        references = list(dict.fromkeys(reference for reference, _, _ in values))
        keys = dict(zip(references, await self._data_keys.read(references), strict=True))
        return [
            key if isinstance(key := keys[reference], Destroyed) else self._sealer(key).open(sealed, place)
            for reference, place, sealed in values
        ]

    def _sealer(self, key: DataKey) -> Sealer:
        symmetric = derive_reader_keys(key.key, _READER, PERSONAL_VALUES).symmetric
        return Sealer(key=symmetric, key_version=key.reference.version, entropy=self._entropy)


class LogKeysInProcess:
    """domain.ports.LogKeys on the vault of this process; what libs.crypto.vault does for the other services.

    Neither kind of key can read anything back, so the latest are kept: a public key of a day, a tag key of a month.
    """

    def __init__(self, *, public_keys: EnsurePublicKeys, tag_keys: GetTagKeys) -> None:
        self._public_keys = public_keys
        self._tag_keys = tag_keys
        self._visitors: Recent[tuple[UUID, date], ReaderPublicKey] = Recent(_CACHED)
        self._tags: Recent[tuple[UUID, str], bytes] = Recent(_CACHED)

    async def visitor_key(self, log: UUID, day: date) -> ReaderPublicKey:
        if (known := self._visitors.get((log, day))) is None:
            (key,) = await self._public_keys(_AUDIT, [VisitorOwner(log=log, day=day)])
            if isinstance(key, Destroyed):
                raise KeyDestroyed
            known = key
            self._visitors.put((log, day), known)
        return known

    async def tag_key(self, workspace: UUID, day: date) -> bytes:
        period = (workspace, f"{day:%Y-%m}")
        if (known := self._tags.get(period)) is None:
            (key,) = await self._tag_keys([period])
            if isinstance(key, Destroyed):
                raise KeyDestroyed
            known = key
            self._tags.put(period, known)
        return known
