"""Audit's part in people's rights over their data."""

import json
from collections.abc import AsyncIterator, Sequence
from uuid import UUID

from services.audit.domain.entry import OpenedEntry
from services.audit.domain.ports import SubjectLogs, UnitsOfWork, Vault
from wardenry.log.filter import EntryFilter
from wardenry.subject_data import Category, Erased, Kept, Obstacle, Row

_ENTRIES = Category(
    name="entries",
    description="Entries of the audit logs in which the person acted or was acted on, with the person's own values.",
    purpose="Accountability: showing what happened, and finding and proving misuse.",
    retention="The values until the log's retention ends or the person is erased; that there was an entry stays.",
    fields=(
        "log_id",
        "index",
        "recorded_at",
        "occurred_at",
        "source",
        "action",
        "outcome",
        "part",
        "session_id",
        "client",
        "target_kind",
        "target_id",
        "reason",
        "details",
        "ip_address",
        "user_agent",
        "device_fingerprint",
        "country",
        "address",
        "name",
        "previous_name",
    ),
)
_PERSONAL = ("ip_address", "user_agent", "device_fingerprint", "address", "name", "previous_name")
_PAGE = 500


class SubjectData:
    """What audit holds: shown. What is in a log can be neither changed nor removed; erasure is the key's end."""

    def __init__(self, *, units: UnitsOfWork, logs: SubjectLogs, vault: Vault) -> None:
        self._units = units
        self._logs = logs
        self._vault = vault

    def categories(self) -> Sequence[Category]:
        return (_ENTRIES,)

    async def obstacles(self, subject: UUID) -> Sequence[Obstacle]:
        return ()

    async def rows(self, subject: UUID) -> AsyncIterator[Row]:
        """Raises KeysUnavailable."""
        wanted = EntryFilter(subject=subject)
        for log in await self._logs.of(subject):
            before = None
            while True:
                async with self._units.begin([log]) as work:
                    stored = await work.entries.newest(log, wanted, before=before, limit=_PAGE)
                for entry in await self._vault.opened(stored):
                    yield _row(log, entry, subject)
                if len(stored) < _PAGE:
                    break
                before = stored[-1].index

    async def rectify(self, subject: UUID, *, field: str, value: str) -> int:
        return 0

    async def erase(self, subject: UUID) -> Erased:
        return Erased(
            rows=0,
            kept=(
                Kept(
                    category="entries",
                    obligation="What happened, under the identifier, with the country and keyed tags of network and"
                    " device, for accountability, until the log's retention ends; the person's values cannot be read"
                    " once their key is destroyed.",
                ),
            ),
        )


def _row(log: UUID, entry: OpenedEntry, subject: UUID) -> Row:
    """The entry without anybody else: whoever else had a part in it is not named, and no value of theirs is shown."""
    leaf = entry.leaf
    acted, acted_on = leaf.actor_id == subject, leaf.target_subject == subject
    own = [person for person, is_theirs in (("actor", acted), ("target", acted_on)) if is_theirs]
    values = {
        field: opened.value
        for field in _PERSONAL
        for person in own
        if (opened := entry.values.get((person, field))) is not None
    }
    others = leaf.target_subject is not None and not acted_on
    return Row(
        _ENTRIES.name,
        {
            "log_id": str(log),
            "index": entry.stored.index,
            "recorded_at": entry.stored.recorded_at.isoformat(),
            "occurred_at": leaf.occurred.isoformat(),
            "source": leaf.source,
            "action": leaf.action,
            "outcome": leaf.outcome,
            "part": " and ".join(own),
            # Session, client and country are the actor's.
            "session_id": str(leaf.session_id or "") if acted else "",
            "client": leaf.client if acted else "",
            "target_kind": leaf.target_kind,
            "target_id": "" if others else leaf.target_id,
            "reason": leaf.reason,
            "details": json.dumps(dict(leaf.details), ensure_ascii=False, sort_keys=True),
            **{field: values.get(field) for field in _PERSONAL},
            "country": entry.stored.country if acted else "",
        },
    )
