"""Keys of the vault, as session uses them: its own seals, and the search tags of events."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

from libs.crypto.errors import KeyDestroyed, SealBroken
from libs.crypto.key_owner import Destroyed
from libs.crypto.reader_key import ReaderPublicKey
from libs.crypto.sealing import AssociatedData, Sealer
from libs.crypto.vault import ReadingKeys, VaultClient, VaultUnavailable
from libs.ids import PLATFORM, Entropy
from services.session.clients.refusal import unavailable_as
from services.session.domain.errors import DependencyUnavailable
from services.session.domain.ports import SealedRow
from wardenry.clock import Clock

_log = logging.getLogger(__name__)
#: Seconds that an event waits for its tag key, and that a vault which did not answer is then left alone.
_PATIENCE = 0.25
_PAUSE = 5.0
_MOST_KEYS = 10_000


class VaultSeals:
    """Address and user agent of sessions, under session's own key of (subject, platform)."""

    def __init__(self, *, vault: VaultClient, entropy: Entropy) -> None:
        self._vault = vault
        self._entropy = entropy

    async def seal(self, session: UUID, key: ReaderPublicKey, values: Mapping[str, str]) -> Mapping[str, bytes]:
        (keys,) = await self._keys([key])
        if isinstance(keys, Destroyed):
            # The person was erased between signing in and here.
            raise DependencyUnavailable("identity")
        sealer = self._sealer(keys, key)
        return {name: sealer.seal(value.encode(), _place(session, name)) for name, value in values.items()}

    async def open(self, sealed: Sequence[SealedRow]) -> Sequence[Mapping[str, str]]:
        return [
            self._opened(row, keys)
            for row, keys in zip(sealed, await self._keys([row.key for row in sealed]), strict=True)
        ]

    def _opened(self, row: SealedRow, keys: ReadingKeys | Destroyed) -> Mapping[str, str]:
        if isinstance(keys, Destroyed):
            return {}
        sealer = self._sealer(keys, row.key)
        opened: dict[str, str] = {}
        for name, value in row.values.items():
            try:
                opened[name] = sealer.open(value, _place(row.session, name)).decode()
            except SealBroken:
                _log.error("%s of session %s does not open", name, row.session)
        return opened

    async def _keys(self, keys: Sequence[ReaderPublicKey]) -> Sequence[ReadingKeys | Destroyed]:
        if not keys:
            return []
        with unavailable_as("identity"):
            return await self._vault.reader_keys([key.reference for key in keys])

    def _sealer(self, keys: ReadingKeys, key: ReaderPublicKey) -> Sealer:
        return Sealer(key=keys.symmetric, entropy=self._entropy, key_version=key.version)


class VaultTagKeys:
    """Keys of search tags. Each is asked for once a month and log; a vault that is away delays nothing for long."""

    def __init__(self, *, vault: VaultClient, clock: Clock) -> None:
        self._vault = vault
        self._clock = clock
        self._known: dict[tuple[UUID, int, int], bytes] = {}
        self._not_before = float("-inf")

    async def key(self, log: UUID, day: date) -> bytes | None:
        month = (log, day.year, day.month)
        if (known := self._known.get(month)) is not None:
            return known
        if self._clock.monotonic() < self._not_before:
            return None
        try:
            async with asyncio.timeout(_PATIENCE):
                key = await self._vault.tag_key(log, day)
        except KeyDestroyed:
            return None
        except (VaultUnavailable, TimeoutError):
            self._not_before = self._clock.monotonic() + _PAUSE
            return None
        if len(self._known) >= _MOST_KEYS:
            self._known.clear()
        self._known[month] = key
        return key


def _place(session: UUID, name: str) -> AssociatedData:
    return AssociatedData(field=f"session.{name}", workspace=PLATFORM, row=session)
