"""The vault's use cases: what readers and writers get of data keys."""

import hashlib
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from libs.crypto.derivation import PERSONAL_VALUES, ReaderKeys, derive_key, derive_reader_keys
from libs.crypto.hpke import ReaderPrivateKey
from libs.crypto.key_owner import Destroyed, KeyOwner, KeyReference, SubjectOwner
from libs.crypto.reader_key import ReaderPublicKey
from libs.events.event import Actor, ActorKind, Event, Target
from libs.ids import PLATFORM, Ids
from services.identity.commands.data_key import DataKey, DataKeys
from services.identity.domain.errors import PlatformIndestructible
from services.identity.domain.ports import Store, VaultStore
from wardenry.clock import Clock
from wardenry.framing import frame

_TAG_LABEL: Final = b"wardenry tag key v1"


class EnsurePublicKeys:
    """Public keys to seal to."""

    def __init__(self, *, data_keys: DataKeys) -> None:
        self._data_keys = data_keys

    async def __call__(self, reader: str, owners: Sequence[KeyOwner]) -> list[ReaderPublicKey | Destroyed]:
        """What `reader` can open, in the order of the owners, whose keys are created where there are none."""
        keys = await self._data_keys.ensure(owners)
        return [key if isinstance(key, Destroyed) else public_key(key, reader) for key in keys]


class GetReaderKeys:
    """What one reader derives for itself."""

    def __init__(self, *, data_keys: DataKeys) -> None:
        self._data_keys = data_keys

    async def __call__(self, reader: str, references: Sequence[KeyReference]) -> list[ReaderKeys | Destroyed]:
        """`reader` is the caller's mutual-TLS name. In the order of the references; unknown ones are as destroyed."""
        keys = await self._data_keys.read(references)
        return [
            key if isinstance(key, Destroyed) else derive_reader_keys(key.key, reader, PERSONAL_VALUES) for key in keys
        ]


class GetTagKeys:
    """Keys of a log's search tags."""

    def __init__(self, *, data_keys: DataKeys) -> None:
        self._data_keys = data_keys

    async def __call__(self, periods: Sequence[tuple[UUID, str]]) -> list[bytes | Destroyed]:
        """For each workspace and month ("2026-11"), in their order."""
        keys = await self._data_keys.ensure_workspaces({workspace for workspace, _ in periods})
        return [
            key if isinstance(key := keys[workspace], Destroyed) else derive_key(key.key, _TAG_LABEL, month.encode())
            for workspace, month in periods
        ]


class AdoptInvitationKey:
    """An invitee became a member."""

    def __init__(self, *, store: VaultStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def __call__(self, *, invitation_id: UUID, workspace_id: UUID, subject_id: UUID) -> None:
        await self._store.adopt(
            invitation_id=invitation_id, workspace_id=workspace_id, subject_id=subject_id, now=self._clock.now()
        )


class DestroyKeys:
    """Erases a person from one workspace, from all, or a whole workspace: nothing that was sealed can be read again."""

    def __init__(self, *, vault: VaultStore, data_keys: DataKeys, store: Store, clock: Clock, ids: Ids) -> None:
        self._vault = vault
        self._data_keys = data_keys
        self._store = store
        self._clock = clock
        self._ids = ids

    async def __call__(self, *, subject_id: UUID | None, workspace_id: UUID | None, peer: str) -> int:
        """How many data keys this call destroyed.

        Raises PlatformIndestructible for the platform's key. The vault and the events are two databases: the key goes
        first, and a call that is repeated after a crash finds it gone and reports it, once.
        """
        now = self._clock.now()
        if subject_id is not None:
            if workspace_id is not None:
                # A person without a key there gets one first: what is destroyed is never created again.
                await self._data_keys.ensure([SubjectOwner(subject=subject_id, workspace=workspace_id)])
            destroyed = await self._vault.destroy_subject(subject_id, workspace_id=workspace_id, now=now)
        elif workspace_id is None or workspace_id == PLATFORM:
            raise PlatformIndestructible
        else:
            destroyed = await self._vault.destroy_workspace(workspace_id, now=now)
        target = Target(kind="subject", id=subject_id) if subject_id else Target(kind="workspace", id=workspace_id)
        event = Event(
            event_id=self._ids.uuid7(),
            log=workspace_id or PLATFORM,
            action="key.destroyed",
            occurred_at=now,
            actor=Actor(kind=ActorKind.SERVICE, client=peer),
            target=target,
            details={"scope": _scope(subject_id, workspace_id)},
        )
        async with self._store.transaction() as tx:
            if await tx.report_destruction(_destruction_id(subject_id, workspace_id), now=now):
                await tx.emit(event)
        return destroyed


def public_key(key: DataKey, reader: str) -> ReaderPublicKey:
    """The public half of what `reader` derives."""
    private = derive_reader_keys(key.key, reader, PERSONAL_VALUES).hpke_private
    return ReaderPrivateKey(key_id=key.reference.key_id, version=key.reference.version, private=private).public_key()


def _scope(subject_id: UUID | None, workspace_id: UUID | None) -> str:
    if subject_id is None:
        return "workspace"
    return "everywhere" if workspace_id is None else "membership"


def _destruction_id(subject_id: UUID | None, workspace_id: UUID | None) -> bytes:
    return hashlib.sha256(frame(*(each.bytes if each else b"" for each in (subject_id, workspace_id)))).digest()
