"""Settles what is known of an event before its transaction begins."""

import logging
from uuid import UUID

from libs.events.caller import Caller
from libs.events.client import Client
from libs.events.event import SearchTags
from libs.ids import Ids
from services.tenancy.domain.errors import KeysUnavailable
from services.tenancy.domain.events import Circumstances
from services.tenancy.domain.ports import Vault
from wardenry.clock import Clock

_log = logging.getLogger(__name__)


class Recorder:
    """Gives events their id, time and search tags."""

    def __init__(self, *, ids: Ids, clock: Clock, vault: Vault) -> None:
        self._ids = ids
        self._clock = clock
        self._vault = vault

    async def circumstances(self, caller: Caller, log: UUID) -> Circumstances:
        """Those of an event that the caller is about to cause in this log."""
        now = self._clock.now()
        return Circumstances(
            event_id=self._ids.uuid7(),
            log=log,
            occurred_at=now,
            caller=caller,
            tags=await self.tags(caller.client, log),
        )

    async def tags(self, client: Client, log: UUID) -> SearchTags | None:
        """What an event that this client causes in this log is found by; None where that cannot be had now."""
        try:
            key = await self._vault.tag_key(log, self._clock.now().date())
        except KeysUnavailable:
            # Tags serve search alone: removing a member does not wait for the vault.
            _log.warning("an event goes without search tags: the vault does not answer")
            return None
        return client.tags(key)
