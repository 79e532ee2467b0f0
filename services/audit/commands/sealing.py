"""What audit's own events are sealed to and searched by."""

from uuid import UUID

from libs.events.search_tags import search_tags
from services.audit.domain.events import Sealing
from services.audit.domain.ports import Vault
from wardenry.clock import Clock


class Sealings:
    """Asks the vault before the transaction of an event begins; its client remembers the answers."""

    def __init__(self, *, vault: Vault, clock: Clock) -> None:
        self._vault = vault
        self._clock = clock

    async def of(
        self,
        *,
        subject: UUID,
        workspace: UUID,
        client_address: str,
        user_agent: str,
        device_fingerprint: str = "",
        country: str = "",
    ) -> Sealing:
        """Raises PersonErased, KeysUnavailable; asks nothing when nothing of the client is known."""
        if not (client_address or user_agent or country):
            return Sealing(reader_key=None, tags=None)
        key = await self._vault.public_key(subject=subject, workspace=workspace)
        tag_key = await self._vault.tag_key(workspace, self._clock.now().date())
        tags = None
        if tag_key is not None:
            tags = search_tags(
                tag_key,
                client_address=client_address,
                user_agent=user_agent,
                device_fingerprint=device_fingerprint,
                country=country,
            )
        return Sealing(reader_key=key, tags=tags)
