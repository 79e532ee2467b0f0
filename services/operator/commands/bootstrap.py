"""Making the first operator."""

from libs.ids import Ids
from services.operator.domain.founding import Founding
from services.operator.domain.ports import Platform


class Bootstrap:
    def __init__(self, *, platform: Platform, ids: Ids) -> None:
        self._platform = platform
        self._ids = ids

    async def __call__(self, *, address: str, name: str) -> Founding:
        """Invites the person with this address to own the platform. Raises AlreadyFounded, FoundingRefused,
        wardenry.errors.error types."""
        return await self._platform.invite_founder(invitation_id=self._ids.uuid7(), address=address, name=name)
