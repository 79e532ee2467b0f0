"""Whatever column of whatever table somebody with every right changes: it is found, or listed here."""

import asyncpg
import pytest

from services.audit.fsck.report import DAMAGED, HOLDS
from services.audit.fsck.store import Fsck
from tests.support.audit import AuditOnPostgres

TABLES = ("anchor", "checkpoint", "entry", "entry_personal", "hash_run", "segment", "segment_part", "tree_head")
#: Tables of the event path are no part of the log, and a receipt is of a call, not of an entry. Whatever a row of
#: segment_held says, it is a finding; what checkpoint_key says of keys that ended is compared with the platform log
#: (test_key).
APART = {
    "outbox",
    "outbox_head",
    "cursor",
    "parked_record",
    "record_receipt",
    "migration",
    "segment_held",
    "checkpoint_key",
}
#: What nothing contradicts when it is changed, and why that is no harm.
NOT_FOUND = {
    "anchor.anchored_at": "the operator's word",
    "checkpoint.signed_at": "the operator's word",
    "segment.stored_at": "the operator's word",
    "segment_part.recorded_from": "how far back is searched; all that is there is found",
    "segment_part.size": "how much goes into one segment",
    # No list says at which sizes a checkpoint was signed. One that is gone is signed again with the same bytes; one
    # that was anchored is missed.
    "checkpoint.log_id": "a checkpoint that is away",
}
TYPES = {
    "uuid": "gen_random_uuid()",
    "bigint": "{column} + 1",
    "smallint": "{column} + 1",
    "integer": "{column} + 1",
    "timestamp with time zone": "{column} - interval '1 second'",
    "text": "{column} || 'x'",
    "boolean": "NOT {column}",
    "bytea": "set_byte({column}, length({column}) / 2, get_byte({column}, length({column}) / 2) # 1)",
}
ARRAYS = {
    "logs": "array_fill(gen_random_uuid(), ARRAY[cardinality(logs)])",
    "firsts": "(SELECT array_agg(each + 1) FROM unnest(firsts) AS each)",
    "counts": "(SELECT array_agg(each + 1) FROM unnest(counts) AS each)",
}
#: What the table's own checks, or its key, refuse before anybody could be deceived.
REFUSED = (
    asyncpg.CheckViolationError,
    asyncpg.NotNullViolationError,
    asyncpg.UniqueViolationError,
    asyncpg.GeneratedAlwaysError,
)


async def test_every_table_is_checked_or_apart(audit: AuditOnPostgres) -> None:
    administrator = await asyncpg.connect(audit.service_database.administrator)
    rows = await administrator.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
        " AND NOT relispartition"
    )
    await administrator.close()
    assert {row["relname"] for row in rows} == APART | set(TABLES)


@pytest.mark.parametrize("table", TABLES)
async def test_every_change_of_every_column_is_found(audit: AuditOnPostgres, fsck: Fsck, table: str) -> None:
    superuser = await asyncpg.connect(audit.service_database.administrator)
    # Triggers and foreign keys are no hindrance to the one who does this.
    await superuser.execute("SET session_replication_role = replica")
    await superuser.execute(f"CREATE TABLE kept AS TABLE {table}")
    columns = await superuser.fetch(
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = $1 ORDER BY 1", table
    )
    assert columns
    some = f"SELECT tableoid, ctid FROM {table} WHERE {{column}} IS NOT NULL ORDER BY {{order}} LIMIT 1"
    missed, touched = set(), set()
    for row in columns:
        column = row["column_name"]
        change = ARRAYS[column] if row["data_type"] == "ARRAY" else TYPES[row["data_type"]].format(column=column)
        for value in (change, "NULL"):
            for order in ("tableoid, ctid", "tableoid DESC, ctid DESC"):
                row_of = some.format(column=column, order=order)
                change_it = f"UPDATE {table} SET {column} = {value} WHERE (tableoid, ctid) = ({row_of})"
                try:
                    done = await superuser.execute(change_it)
                except REFUSED:
                    touched.add(column)
                    continue
                if done == "UPDATE 0":
                    continue
                touched.add(column)
                if (await fsck.check()).exit_code != DAMAGED:
                    missed.add(f"{table}.{column}")
                identity = "OVERRIDING SYSTEM VALUE" if table == "segment_part" else ""
                await superuser.execute(f"DELETE FROM {table}; INSERT INTO {table} {identity} TABLE kept")
    await superuser.close()
    assert missed == {name for name in NOT_FOUND if name.startswith(f"{table}.")}
    assert touched == {row["column_name"] for row in columns}
    assert (await fsck.check()).exit_code == HOLDS


async def test_every_byte_of_an_object_counts(audit: AuditOnPostgres, fsck: Fsck) -> None:
    name, data = max(audit.objects.stored.items())
    for place in range(0, len(data), max(1, len(data) // 40)):
        audit.objects.stored[name] = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        report = await fsck.check()
        assert report.failed["segment"], place
        assert "segment 2" in report.findings[0].text
    audit.objects.stored[name] = data
    assert (await fsck.check()).exit_code == HOLDS
