"""What is gathered for a person, sealed in the object store under the person's key."""

from uuid import UUID

from libs.crypto.sealing import AssociatedData, Sealer
from libs.ids import PLATFORM, Entropy
from services.datarights.domain.ports import Objects, PersonKey, Vault
from services.datarights.domain.request import Request

ARCHIVE = "archive"


def part_of(participant: str) -> str:
    """The object that holds what a participant has sent."""
    return f"part-{participant}"


class SealedObjects:
    """Objects of requests. What is stored opens for its request and name alone, and never after an erasure."""

    def __init__(self, *, objects: Objects, vault: Vault, entropy: Entropy) -> None:
        self._objects = objects
        self._vault = vault
        self._entropy = entropy

    async def put(self, request: Request, name: str, content: bytes) -> None:
        """Raises KeysUnavailable, PersonErased, ObjectsUnavailable."""
        sealer = self._sealer(await self._vault.person_key(request.key))
        await self._objects.put(_path(request.subject, request.id, name), sealer.seal(content, _place(request, name)))

    async def get(self, request: Request, name: str) -> bytes | None:
        """None when it is not there. Raises KeysUnavailable, PersonErased, ObjectsUnavailable, SealBroken."""
        sealed = await self._objects.get(_path(request.subject, request.id, name))
        if sealed is None:
            return None
        return self._sealer(await self._vault.person_key(request.key)).open(sealed, _place(request, name))

    async def remove(self, subject: UUID, request: UUID, name: str) -> None:
        """Raises ObjectsUnavailable."""
        await self._objects.remove(_path(subject, request, name))

    def _sealer(self, key: PersonKey) -> Sealer:
        return Sealer(key=key.symmetric, entropy=self._entropy, key_version=key.reference.version)


def _path(subject: UUID, request: UUID, name: str) -> str:
    return f"{subject}/{request}/{name}"


def _place(request: Request, name: str) -> AssociatedData:
    return AssociatedData(field=f"request.{name}", workspace=PLATFORM, row=request.id)
