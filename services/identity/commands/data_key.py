"""Data keys in clear: created, unwrapped, never handed out."""

from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from libs.crypto.errors import KeyDestroyed
from libs.crypto.key_owner import Destroyed, KeyOwner, KeyReference
from libs.crypto.keyring import KeyProvider, LocalKeyring
from libs.crypto.sealing import KEY_BYTES, SymmetricKey
from libs.ids import Entropy, Ids
from services.identity.domain.data_key import NewDataKey, StoredDataKey, StoredWorkspaceKey, workspace_of
from services.identity.domain.ports import VaultStore
from wardenry.clock import Clock
from wardenry.framing import frame

#: How long an unwrapped workspace key may be used before the key provider is asked again, in seconds.
CACHE_SECONDS: Final = 60.0
_CACHED: Final = 10_000
_VERSION: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class DataKey:
    """A data key. Only what is derived from it leaves the vault."""

    reference: KeyReference
    key: bytes = field(repr=False)


class DataKeys:
    """The key hierarchy: data keys under workspace keys under the region's key at the provider.

    Rows are read from the database each time, so what was destroyed opens nothing any more; only the provider, which
    may be remote, is spared for a while.
    """

    def __init__(self, *, store: VaultStore, provider: KeyProvider, clock: Clock, ids: Ids, entropy: Entropy) -> None:
        self._store = store
        self._provider = provider
        self._clock = clock
        self._ids = ids
        self._entropy = entropy
        self._unwrapped: OrderedDict[bytes, tuple[float, bytes]] = OrderedDict()

    async def ensure(self, owners: Sequence[KeyOwner]) -> list[DataKey | Destroyed]:
        """The owners' keys, in their order; created where there is none. A destroyed one is never created again."""
        found = await self._store.find(owners)
        missing = list(dict.fromkeys(owner for owner, key in zip(owners, found, strict=True) if key is None))
        if missing:
            workspaces = await self.ensure_workspaces({workspace_of(owner) for owner in missing})
            added = [
                await self._new(owner, key)
                for owner in missing
                if isinstance(key := workspaces[workspace_of(owner)], SymmetricKey)
            ]
            await self._store.add(added, now=self._clock.now())
            found = await self._store.find(owners)
        # What is still missing could not be added: its subject or workspace was destroyed meanwhile.
        return [Destroyed() if key is None or isinstance(key, Destroyed) else await self._open(key) for key in found]

    async def read(self, references: Sequence[KeyReference]) -> list[DataKey | Destroyed]:
        """The keys of these references, in their order. Unknown ones answer as destroyed ones do."""
        found = await self._store.find_references(references)
        return [Destroyed() if isinstance(key, Destroyed) else await self._open(key) for key in found]

    async def ensure_workspaces(self, workspaces: Collection[UUID]) -> dict[UUID, SymmetricKey | Destroyed]:
        """The workspaces' keys; created where there is none."""
        found = await self._store.find_workspace_keys(workspaces)
        missing = sorted(set(workspaces) - found.keys())
        if missing:
            new = [await self._new_workspace_key(workspace) for workspace in missing]
            await self._store.add_workspace_keys(new, now=self._clock.now())
            found = await self._store.find_workspace_keys(workspaces)
        return {workspace: await self._open_workspace_key(found[workspace]) for workspace in workspaces}

    async def _new(self, owner: KeyOwner, workspace_key: SymmetricKey) -> NewDataKey:
        reference = KeyReference(key_id=self._ids.uuid7(), version=_VERSION)
        wrapped = await self._wrapping(workspace_key).wrap(
            self._entropy.bytes(KEY_BYTES), _data_key_context(workspace_of(owner), reference)
        )
        return NewDataKey(owner=owner, reference=reference, wrapped=wrapped)

    async def _new_workspace_key(self, workspace_id: UUID) -> StoredWorkspaceKey:
        wrapped = await self._provider.wrap(
            self._entropy.bytes(KEY_BYTES), _workspace_key_context(workspace_id, _VERSION)
        )
        return StoredWorkspaceKey(workspace_id=workspace_id, version=_VERSION, wrapped=wrapped)

    async def _open(self, stored: StoredDataKey) -> DataKey | Destroyed:
        workspace_key = await self._open_workspace_key(stored.workspace_key)
        if isinstance(workspace_key, Destroyed):
            return workspace_key
        context = _data_key_context(stored.workspace_key.workspace_id, stored.reference)
        key = await self._wrapping(workspace_key).unwrap(stored.wrapped, context)
        return DataKey(reference=stored.reference, key=key)

    async def _open_workspace_key(self, stored: StoredWorkspaceKey) -> SymmetricKey | Destroyed:
        if stored.wrapped is None:
            return Destroyed()
        asked_at = self._clock.monotonic()
        known = self._unwrapped.get(stored.wrapped)
        if known is None or asked_at - known[0] >= CACHE_SECONDS:
            context = _workspace_key_context(stored.workspace_id, stored.version)
            known = (asked_at, await self._provider.unwrap(stored.wrapped, context))
            self._unwrapped[stored.wrapped] = known
            self._unwrapped.move_to_end(stored.wrapped)
            self._forget(asked_at)
        return SymmetricKey(key=known[1], version=stored.version)

    def _forget(self, now: float) -> None:
        # Entries stand in the order in which they were unwrapped, so the oldest is the first.
        while self._unwrapped:
            wrapped, (since, _) = next(iter(self._unwrapped.items()))
            if now - since < CACHE_SECONDS and len(self._unwrapped) <= _CACHED:
                return
            del self._unwrapped[wrapped]

    def _wrapping(self, workspace_key: SymmetricKey) -> LocalKeyring:
        return LocalKeyring(keys=(workspace_key,), entropy=self._entropy)


def opened(key: DataKey | Destroyed) -> DataKey:
    """The key. Raises KeyDestroyed."""
    if isinstance(key, Destroyed):
        raise KeyDestroyed
    return key


def _workspace_key_context(workspace_id: UUID, version: int) -> bytes:
    return frame(b"workspace key", workspace_id.bytes, version.to_bytes(4, "big"))


def _data_key_context(workspace_id: UUID, reference: KeyReference) -> bytes:
    return frame(b"data key", workspace_id.bytes, reference.key_id.bytes, reference.version.to_bytes(4, "big"))
