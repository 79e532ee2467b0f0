"""Reading the log, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from services.audit.domain.entry import OpenedEntry
from services.audit.domain.page import index_of, page_token
from services.audit.domain.ports import UnitsOfWork, Vault
from wardenry.log.filter import EntryFilter

DEFAULT_PAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPage:
    """Entries, the newest first."""

    entries: Sequence[OpenedEntry]
    #: Empty at the end.
    next_page_token: str


class ListEntries:
    """Shows a log's entries with the values that can still be read."""

    def __init__(self, *, units: UnitsOfWork, vault: Vault) -> None:
        self._units = units
        self._vault = vault

    async def list(self, log: UUID, wanted: EntryFilter, *, size: int, page: str) -> EntryPage:
        """A page of at most `size` entries (0: 50). Raises PageTokenInvalid, KeysUnavailable."""
        size = size or DEFAULT_PAGE
        before = index_of(page, log=log, wanted=wanted)
        async with self._units.begin([log]) as work:
            # One more than shown tells whether there is a next page.
            stored = await work.entries.newest(log, wanted, before=before, limit=size + 1)
        more = len(stored) > size
        stored = stored[:size]
        token = page_token(log=log, wanted=wanted, before=stored[-1].index) if more else ""
        return EntryPage(entries=await self._vault.opened(stored), next_page_token=token)
