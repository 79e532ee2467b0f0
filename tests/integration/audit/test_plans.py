"""What is asked often reads little, however long a log is: as the planner decides it where a few logs are long."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from libs.db.context import Context
from libs.merkle.proofs import tiles_for
from services.audit.domain.segment import SegmentPart, Span
from services.audit.store.anchor import PostgresAnchors
from services.audit.store.entry import PostgresEntries
from services.audit.store.log import PostgresCheckpoints, PostgresTrees
from services.audit.store.segment import PostgresSegments
from tests.support.audit import ALICE, BOB, LOG, AuditOnPostgres
from tests.support.plans import Question, excess, fill, rows
from wardenry.log.filter import EntryFilter

LONG, SHORT, WAITING = 20_000, 2_000, 3_000
FILL = f"""
INSERT INTO entry
SELECT '{LOG}', i, $1 + i * interval '1 millisecond', gen_random_uuid(), $1 + i * interval '1 millisecond',
    CASE WHEN i IN (5, 100) THEN 'user.invited' ELSE 'user.login' END, true, '{ALICE}',
    CASE WHEN i % 1000 = 0 THEN '{BOB}'::uuid END, sha256('leaf')
FROM generate_series(0, {LONG - 1}) AS i;
INSERT INTO entry
SELECT gen_random_uuid(), 0, $1, gen_random_uuid(), $1, 'user.login', true, '{ALICE}', NULL, sha256('leaf')
FROM generate_series(1, {SHORT});
INSERT INTO entry_personal (log_id, index, recorded_at, country) SELECT log_id, index, recorded_at, 'DE' FROM entry;
INSERT INTO tree_head (log_id, size, root, frontier)
SELECT log_id, count(*), sha256('root'), decode(repeat('00', 32 * bit_count(int8send(count(*)))::integer), 'hex')
FROM entry GROUP BY log_id;
INSERT INTO hash_run SELECT '{LOG}', 0, i * 32, decode(repeat('00', 32 * 32), 'hex')
FROM generate_series(0, {LONG // 32 - 1}) AS i;
INSERT INTO hash_run SELECT '{LOG}', 1, i, sha256('node') FROM generate_series(0, {LONG // 256 - 1}) AS i;
INSERT INTO checkpoint SELECT '{LOG}', i * 2, 'note', $1 FROM generate_series(1, {LONG // 2}) AS i;
INSERT INTO anchor SELECT '{LOG}', i * 10, gen_random_uuid(), decode(repeat('00', 16), 'hex'), $1
FROM generate_series(1, {LONG // 10}) AS i;
INSERT INTO segment SELECT i, sha256('segment'), 2, $1 FROM generate_series(0, {LONG // 2 - 1}) AS i;
INSERT INTO segment_part (recorded_from, recorded_until, logs, firsts, counts, segment)
SELECT $1, $1, ARRAY['{LOG}'::uuid], ARRAY[i * 2], ARRAY[2], i FROM generate_series(0, {LONG // 2 - 1}) AS i;
INSERT INTO segment_part (recorded_from, recorded_until, logs, firsts, counts)
SELECT $1, $1, ARRAY[gen_random_uuid()], ARRAY[0], ARRAY[1] FROM generate_series(1, {WAITING});
"""

Ask = Callable[[Any], Awaitable[object]]


def questions(now: datetime, events: Sequence[UUID]) -> dict[str, tuple[Ask, int]]:
    """What is asked, and how many rows of all tables it may look at."""
    everything, later = EntryFilter(), now + timedelta(days=1)
    spans = [SegmentPart(id=0, recorded_from=now, recorded_until=later, spans=[Span(LOG, 9_000, 500)])] * 2
    many = [
        SegmentPart(id=0, recorded_from=now, recorded_until=later, spans=[Span(LOG, 9_000 + 10 * place, 10)])
        for place in range(100)
    ]
    tiles = tiles_for(range(9_000, 9_500), LONG - 1)

    def page(wanted: EntryFilter, before: int | None = None) -> Ask:
        return lambda tx: PostgresEntries(tx=tx).newest(LOG, wanted, before=before, limit=51)

    return {
        "the first page": (page(everything), 200),
        "a deep page": (page(everything, 300), 200),
        "a page by a frequent action": (page(EntryFilter(actions=("user.login",))), 200),
        "a page by a rare action": (page(EntryFilter(actions=("user.invited",))), 50),
        "a page by an actor": (page(EntryFilter(subject=ALICE)), 300),
        "a page by a target": (page(EntryFilter(subject=BOB)), 200),
        "a batch of an export": (
            lambda tx: PostgresEntries(tx=tx).following(LOG, everything, start=9_000, end=LONG, limit=500),
            1_500,
        ),
        "events of a batch": (
            lambda tx: PostgresEntries(tx=tx).leaves([(LOG, event) for event in events], since=now, until=later),
            6 * len(events),
        ),
        "where anchors are": (lambda tx: PostgresEntries(tx=tx).places(LOG, events[:60]), 300),
        "hashes of proofs": (lambda tx: PostgresTrees(tx=tx).tiles(LOG, tiles), 2 * len(tiles) * 8 + 100),
        "what may be released": (lambda tx: PostgresTrees(tx=tx).releasable([LOG]), 2 * WAITING + 10),
        "the newest checkpoint": (lambda tx: PostgresCheckpoints(tx=tx).newest([LOG]), 10),
        "a checkpoint": (lambda tx: PostgresCheckpoints(tx=tx).of_size(LOG, 5_000), 10),
        "anchors": (lambda tx: PostgresAnchors(tx=tx).newest(LOG, at_most=5_000, limit=60), 200),
        "what waits for a segment": (lambda tx: PostgresSegments(tx=tx).pending(limit=100), 200),
        "the next segment's number": (lambda tx: PostgresSegments(tx=tx).lock(), 10),
        "entries of a segment": (lambda tx: PostgresSegments(tx=tx).entries(spans), 4_100),
        "entries of a segment after an outage": (lambda tx: PostgresSegments(tx=tx).entries(many), 4_500),
    }


async def test_what_is_asked_often_reads_little(audit: AuditOnPostgres) -> None:
    now = audit.clock.now()
    statements = (
        statement.strip() for statement in FILL.replace("$1", f"'{now.isoformat()}'::timestamptz").split(";\n")
    )
    await fill(audit.service_database.administrator, [statement for statement in statements if statement])
    context = Context(workspaces=frozenset({LOG}))
    async with audit.database.transaction(context) as tx:
        stored = await tx.fetch(f"SELECT event_id FROM entry WHERE log_id = '{LOG}' LIMIT 200")
    events = [row["event_id"] for row in stored] + [uuid4() for _ in range(200)]
    asked = {name: Question(context, ask, most) for name, (ask, most) in questions(now, events).items()}
    assert await excess(audit.service_database.runtime, asked, measure=rows) == []
