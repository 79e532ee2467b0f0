"""Says where a database's row security has a hole: by the rules of the probe, and by some about the source."""

from collections.abc import Collection, Iterator, Sequence

import asyncpg

from libs.controls.row_security.reviewed import OWNER, Grant
from libs.controls.row_security.rules import broken_rules
from libs.controls.row_security.table import Table, read_tables


async def holes(
    connection: "asyncpg.Connection[asyncpg.Record]", *, database: str, reviewed: Collection[Grant] = ()
) -> list[str]:
    """What breaks the rules of row security, one sentence each."""
    tables = await read_tables(connection)
    broken = await broken_rules(connection, tables, database=database, reviewed=reviewed)
    found = [f"{finding.where}: {finding.what}" for finding in broken]
    return [*found, *_uncommented(tables), *_stale(tables, database=database, reviewed=reviewed)]


def _uncommented(tables: Sequence[Table]) -> Iterator[str]:
    for table in tables:
        if table.holds_rows and not table.partition:
            yield from (f"{table.name}.{column}: has no comment" for column in table.uncommented)


def _stale(tables: Sequence[Table], *, database: str, reviewed: Collection[Grant]) -> Iterator[str]:
    for grant in reviewed:
        held = [held for table in tables if table.name == grant.on for held in table.grants]
        if grant.role != OWNER and (f"{database}_{grant.role}", grant.command) not in held:
            yield f"{grant.on}: the reviewed list lets {grant.role} {grant.command}, which it is not granted"
