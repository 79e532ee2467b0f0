"""Keys of people, from identity's vault."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING
from uuid import UUID

from libs.crypto.errors import KeyDestroyed
from libs.crypto.key_owner import Destroyed, KeyReference, SubjectOwner
from libs.crypto.reader_key import ReaderPublicKey
from libs.crypto.vault import VaultClient, VaultUnavailable
from libs.ids import PLATFORM
from services.datarights.domain.errors import KeysUnavailable, PersonErased
from services.datarights.domain.ports import PersonKey
from wardenry.errors.error import DeadlineExceeded, Unavailable, WardenryError
from wardenry.identity.v1 import vault_pb2

if TYPE_CHECKING:
    # The typed stub exists for the type checker alone.
    from wardenry.identity.v1.vault_pb2_grpc import VaultServiceAsyncStub

_ITSELF, _AUDIT = "datarights", "audit"
_TIMEOUT_SECONDS = 10.0


class IdentityVault:
    def __init__(self, *, client: VaultClient, stub: "VaultServiceAsyncStub") -> None:
        """`client` remembers keys; `stub` is for what it does not do."""
        self._client = client
        self._stub = stub

    async def reference(self, subject: UUID) -> KeyReference:
        return (await self._public_key(_ITSELF, subject)).reference

    async def person_key(self, reference: KeyReference) -> PersonKey:
        with _translated():
            (keys,) = await self._client.reader_keys([reference])
        if isinstance(keys, Destroyed):
            raise PersonErased
        return PersonKey(reference=reference, symmetric=keys.symmetric)

    async def audit_key(self, subject: UUID) -> ReaderPublicKey:
        return await self._public_key(_AUDIT, subject)

    async def tag_key(self, day: date) -> bytes | None:
        try:
            with _translated():
                return await self._client.tag_key(PLATFORM, day)
        except PersonErased:
            return None

    async def destroy(self, subject: UUID, *, warrant: str) -> None:
        request = vault_pb2.DestroyKeysRequest(subject_id=str(subject), warrant=warrant)
        with _translated():
            try:
                await self._stub.DestroyKeys(request, timeout=_TIMEOUT_SECONDS)
            except WardenryError as error:
                # Whatever it is: the request stays, and is tried again.
                raise KeysUnavailable(error.reason_name) from error

    async def _public_key(self, reader: str, subject: UUID) -> ReaderPublicKey:
        with _translated():
            return await self._client.public_key(reader, SubjectOwner(subject=subject, workspace=PLATFORM))


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (VaultUnavailable, Unavailable, DeadlineExceeded) as error:
        raise KeysUnavailable from error
    except KeyDestroyed as error:
        raise PersonErased from error
