"""What is gathered for a person, sealed in the object store under the person's key."""

from uuid import UUID

from libs.crypto.errors import SealBroken
from libs.crypto.sealing import AssociatedData, Sealer
from libs.ids import PLATFORM, Entropy
from services.datarights.domain.ports import Objects, PersonKey, Vault
from services.datarights.domain.request import Request

#: Where things are, within a request. Each attempt writes into a directory of its own, so that one that is late spoils
#: nothing of another one's.
ROWS, PARTS, ARCHIVE = "rows", "parts", "archive"


def rows_piece(run: UUID, participant: str, category: str, number: int) -> str:
    """Rows of one category that a participant sent."""
    return f"{ROWS}/{run}/{participant}-{category}-{number}"


def part_of(participant: str) -> str:
    """The list of a participant's pieces."""
    return f"{PARTS}/{participant}"


def archive_piece(run: UUID, number: int) -> str:
    """Bytes of the archive."""
    return f"{ARCHIVE}/{run}/{number}"


#: The list of the archive's pieces.
ARCHIVE_LIST = f"{ARCHIVE}/list"


class SealedObjects:
    """Objects of requests. What is stored opens for its request and name alone, and never after an erasure."""

    def __init__(self, *, objects: Objects, vault: Vault, entropy: Entropy) -> None:
        self._objects = objects
        self._vault = vault
        self._entropy = entropy

    async def put(self, request: Request, name: str, content: bytes) -> None:
        """Raises KeysUnavailable, PersonErased, ObjectsUnavailable."""
        sealer = self._sealer(await self._vault.person_key(request.key))
        await self._objects.put(f"{_directory(request)}/{name}", sealer.seal(content, _place(request, name)))

    async def get(self, request: Request, name: str) -> bytes | None:
        """None when it is not there, and when it does not open: either way it has to be made anew.

        Raises KeysUnavailable, PersonErased, ObjectsUnavailable.
        """
        sealed = await self._objects.get(f"{_directory(request)}/{name}")
        if sealed is None:
            return None
        try:
            return self._sealer(await self._vault.person_key(request.key)).open(sealed, _place(request, name))
        except SealBroken:
            return None

    async def remove(self, request: Request, name: str) -> None:
        """Raises ObjectsUnavailable."""
        await self._objects.remove(f"{_directory(request)}/{name}")

    async def remove_gathered(self, request: Request) -> None:
        """All that was gathered for the request. Raises ObjectsUnavailable."""
        for directory in (PARTS, ROWS):
            await self._objects.remove_below(f"{_directory(request)}/{directory}")

    async def remove_request(self, subject: UUID, request: UUID) -> None:
        """Everything of a request. Raises ObjectsUnavailable."""
        await self._objects.remove_below(f"{subject}/{request}")

    async def remove_subject(self, subject: UUID) -> None:
        """Everything of all requests of a person. Raises ObjectsUnavailable."""
        await self._objects.remove_below(f"{subject}")

    def _sealer(self, key: PersonKey) -> Sealer:
        return Sealer(key=key.symmetric, entropy=self._entropy, key_version=key.reference.version)


def _directory(request: Request) -> str:
    return f"{request.subject}/{request.id}"


def _place(request: Request, name: str) -> AssociatedData:
    return AssociatedData(field=f"request.{name}", workspace=PLATFORM, row=request.id)
