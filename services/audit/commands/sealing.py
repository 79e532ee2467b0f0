"""What audit's own events are sealed to and searched by."""

from uuid import UUID

from libs.events.client import UNKNOWN, Client
from services.audit.domain.events import Sealing
from services.audit.domain.ports import Vault
from wardenry.clock import Clock


class Sealings:
    """Asks the vault before the transaction of an event begins; its client remembers the answers."""

    def __init__(self, *, vault: Vault, clock: Clock) -> None:
        self._vault = vault
        self._clock = clock

    async def of(self, client: Client, *, subject: UUID, workspace: UUID) -> Sealing:
        """Raises PersonErased, KeysUnavailable; asks nothing when nothing of the client is known."""
        if client == UNKNOWN:
            return Sealing(reader_key=None, tags=None)
        key = await self._vault.public_key(subject=subject, workspace=workspace)
        tag_key = await self._vault.tag_key(workspace, self._clock.now().date())
        return Sealing(reader_key=key, tags=client.tags(tag_key))
