"""Entries, and what is stored beside them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from libs.db.transaction import Transaction
from libs.events.event import Role
from services.audit.domain.entry import NewEntry, SealedPerson, StoredEntry
from wardenry.log.filter import EntryFilter

# Ids and numbers come as arrays in text: of an array of its own the driver looks at each value several times.
_ADD = """
INSERT INTO entry (log_id, index, recorded_at, event_id, occurred_at, action, succeeded, actor_id, target_id, leaf)
SELECT log_id, index, $1, event_id, occurred_at, action, succeeded, actor_id, target_id, leaf
FROM unnest($2::text::uuid[], $3::text::bigint[], $4::text::uuid[], $5::timestamptz[], $6::text[],
    $7::text::boolean[], $8::text::uuid[], $9::text::uuid[], $10::bytea[])
    AS new (log_id, index, event_id, occurred_at, action, succeeded, actor_id, target_id, leaf)
"""
_ADD_PERSONAL = """
INSERT INTO entry_personal (
    log_id, index, recorded_at, actor_key_id, actor_key_version, actor_message, target_key_id, target_key_version,
    target_message, network_tag, device_tag, address_tag, country
)
SELECT log_id, index, $1, actor_key_id, actor_key_version, actor_message, target_key_id, target_key_version,
    target_message, network_tag, device_tag, address_tag, country
FROM unnest($2::text::uuid[], $3::text::bigint[], $4::text::uuid[], $5::text::integer[], $6::bytea[],
    $7::text::uuid[], $8::text::integer[], $9::bytea[], $10::bytea[], $11::bytea[], $12::bytea[], $13::text[])
    AS new (log_id, index, actor_key_id, actor_key_version, actor_message, target_key_id, target_key_version,
        target_message, network_tag, device_tag, address_tag, country)
"""
# Here and below each row is looked up by itself. Of a plain join, the planner, who takes every log for one of average
# length and cannot see into row security, now and then reads all entries of a log or a month.
_LEAVES = """
SELECT entry.log_id, entry.event_id, entry.leaf FROM unnest($1::uuid[], $2::uuid[]) AS wanted (log_id, event_id)
CROSS JOIN LATERAL (
    SELECT log_id, event_id, leaf FROM entry
     WHERE entry.log_id = wanted.log_id AND entry.event_id = wanted.event_id AND recorded_at BETWEEN $3 AND $4 OFFSET 0
) AS entry
"""
# Partitions are of whole months, so that nothing is read beyond each log's last: hence from the first of one.
_LAST = """
SELECT wanted.log_id, (
    SELECT event_id FROM entry WHERE entry.log_id = wanted.log_id AND recorded_at >= $2 ORDER BY event_id DESC LIMIT 1
) AS event_id FROM unnest($1::uuid[]) AS wanted (log_id)
"""
#: From how many events a log on it pays to ask for its last first.
_MANY = 4
_PLACES = """
SELECT entry.event_id, entry.index, entry.leaf FROM unnest($2::uuid[]) AS wanted (event_id)
CROSS JOIN LATERAL (
    SELECT event_id, index, leaf FROM entry
     WHERE log_id = $1 AND entry.event_id = wanted.event_id OFFSET 0
) AS entry
"""
_READ = """
SELECT hit.index, hit.recorded_at, hit.leaf, actor_key_id, actor_key_version, actor_message,
    target_key_id, target_key_version, target_message, country
FROM ({hits}) AS hit
LEFT JOIN LATERAL (
    SELECT actor_key_id, actor_key_version, actor_message, target_key_id, target_key_version, target_message, country
      FROM entry_personal
     WHERE log_id = $1 AND entry_personal.index = hit.index AND entry_personal.recorded_at = hit.recorded_at OFFSET 0
) AS beside ON true
ORDER BY hit.index {order}
"""
# A plan for any values knows no rare action or person, and would read the whole log to find them.
_PLAN_FOR_VALUES = "SELECT set_config('plan_cache_mode', 'force_custom_plan', true)"
_HITS = "SELECT index, recorded_at, leaf FROM entry WHERE {conditions} ORDER BY index {order} LIMIT {limit}"


class PostgresEntries:
    def __init__(self, *, tx: Transaction) -> None:
        self._tx = tx

    async def add(self, entries: Sequence[tuple[int, NewEntry]], *, recorded_at: datetime) -> None:
        rows = [entry for _, entry in entries]
        await self._tx.execute(
            _ADD,
            recorded_at,
            logs := _text([entry.log for entry in rows]),
            indexes := _text([index for index, _ in entries]),
            _text([entry.event_id for entry in rows]),
            [entry.occurred_at for entry in rows],
            [entry.action for entry in rows],
            _text([entry.succeeded for entry in rows]),
            _text([entry.actor for entry in rows]),
            _text([entry.target for entry in rows]),
            [entry.leaf for entry in rows],
        )
        beside = [each for each in entries if each[1].sealed or any(each[1].tags)]
        if beside:
            if len(beside) < len(entries):
                logs, indexes = _text([entry.log for _, entry in beside]), _text([index for index, _ in beside])
            tags = [entry.tags for _, entry in beside]
            await self._tx.execute(
                _ADD_PERSONAL,
                recorded_at,
                logs,
                indexes,
                *_sealed_columns("actor", [entry for _, entry in beside]),
                *_sealed_columns("target", [entry for _, entry in beside]),
                _some([each.network or None for each in tags]),
                _some([each.device or None for each in tags]),
                _some([each.address or None for each in tags]),
                _some([each.country or None for each in tags]),
            )

    async def leaves(
        self, events: Collection[tuple[UUID, UUID]], *, since: datetime, until: datetime
    ) -> Mapping[tuple[UUID, UUID], bytes]:
        logs = {log for log, _ in events}
        if len(events) >= _MANY * len(logs):
            # Most events are younger than all that their logs hold: ids begin with the time. Whatever they begin with,
            # one that is greater than the greatest is not there.
            month = since.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
            last = {row["log_id"]: row["event_id"] for row in await self._tx.fetch(_LAST, list(logs), month)}
            events = [(log, event) for log, event in events if (greatest := last[log]) and event <= greatest]
            if not events:
                return {}
        rows = await self._tx.fetch(_LEAVES, [log for log, _ in events], [event for _, event in events], since, until)
        return {(row["log_id"], row["event_id"]): row["leaf"] for row in rows}

    async def places(self, log: UUID, events: Collection[UUID]) -> Mapping[UUID, tuple[int, bytes]]:
        rows = await self._tx.fetch(_PLACES, log, list(events))
        return {row["event_id"]: (row["index"], row["leaf"]) for row in rows}

    async def newest(self, log: UUID, wanted: EntryFilter, *, before: int | None, limit: int) -> Sequence[StoredEntry]:
        query = _Query(log)
        if before is not None:
            query.add("index < {}", before)
        return await self._read(query, wanted, order="DESC", limit=limit)

    async def following(
        self, log: UUID, wanted: EntryFilter, *, start: int, end: int, limit: int
    ) -> Sequence[StoredEntry]:
        query = _Query(log)
        query.add("index >= {}", start)
        query.add("index < {}", end)
        return await self._read(query, wanted, order="ASC", limit=limit)

    async def _read(self, query: "_Query", wanted: EntryFilter, *, order: str, limit: int) -> list[StoredEntry]:
        if wanted.actions:
            query.add("action = ANY ({}::text[])", list(wanted.actions))
        if wanted.occurred_from is not None:
            query.add("occurred_at >= {}", wanted.occurred_from)
        if wanted.occurred_before is not None:
            query.add("occurred_at < {}", wanted.occurred_before)
        if wanted.outcome:
            query.add("succeeded = {}", wanted.outcome == "success")
        # The text is made of the fragments above alone; all values are parameters.
        sql = _READ.format(hits=query.hits(wanted.subject, order=order, limit=limit), order=order)
        await self._tx.execute(_PLAN_FOR_VALUES)
        return [_stored(row) for row in await self._tx.fetch(sql, *query.values)]


class _Query:
    """Conditions and their parameters."""

    def __init__(self, log: UUID) -> None:
        self.values: list[object] = []
        self._conditions: list[str] = []
        self.add("log_id = {}", log)

    def add(self, condition: str, value: object) -> None:
        self._conditions.append(condition.format(self._parameter(value)))

    def hits(self, subject: UUID | None, *, order: str, limit: int) -> str:
        places = {"order": order, "limit": self._parameter(limit)}
        if subject is None:
            return _HITS.format(conditions=" AND ".join(self._conditions), **places)
        # Each half reads its own index in order; OR would read neither.
        person = self._parameter(subject)
        halves = [f"actor_id = {person}", f"target_id = {person} AND actor_id IS DISTINCT FROM {person}"]
        parts = [_HITS.format(conditions=" AND ".join([*self._conditions, half]), **places) for half in halves]
        return " UNION ALL ".join(f"({part})" for part in parts) + " ORDER BY index {order} LIMIT {limit}".format(
            **places
        )

    def _parameter(self, value: object) -> str:
        self.values.append(value)
        return f"${len(self.values)}"


def _sealed_columns(role: Role, entries: Sequence[NewEntry]) -> Iterator[Any]:
    """Of the persons in this role: ids and versions of keys, and messages."""
    found = [next((person for person in entry.sealed if person.role == role), None) for entry in entries]
    yield _text([person.key_id if person else None for person in found])
    yield _text([person.key_version if person else None for person in found])
    yield _some([person.message if person else None for person in found])


def _text(column: Sequence[Any]) -> str:
    """Ids, numbers or truth values as PostgreSQL writes an array of them."""
    return "{" + ",".join(["NULL" if each is None else str(each) for each in _some(column)]) + "}"


def _some(column: Sequence[Any]) -> Sequence[Any]:
    """The column, or no values where it has none: `unnest` makes the shorter of its arrays as long as the others, of
    nulls, and the driver looks at each value of an array several times."""
    return column if any(each is not None for each in column) else []


def _stored(row: Any) -> StoredEntry:
    roles: tuple[Role, ...] = ("actor", "target")
    return StoredEntry(
        index=row["index"],
        recorded_at=row["recorded_at"],
        leaf=row["leaf"],
        sealed=tuple(
            SealedPerson(role, row[f"{role}_key_id"], row[f"{role}_key_version"], row[f"{role}_message"])
            for role in roles
            if row[f"{role}_message"] is not None
        ),
        country=row["country"] or "",
    )
