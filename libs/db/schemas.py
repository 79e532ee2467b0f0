"""Which schema files make up which database: found on disk, so a new service or file needs no list."""

from dataclasses import dataclass
from pathlib import Path

#: The root of the source tree: this file is <root>/libs/db/schemas.py.
ROOT = Path(__file__).resolve().parents[2]

_CONTEXT = Path("libs/db/sql")
_EVENTS = (Path("libs/outbox/sql"), Path("libs/events/sql"))
_MIGRATIONS = "migrations"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """One database: its name, which is also the prefix of its roles, and where its files are, in order."""

    database: str
    directories: tuple[Path, ...]


def schemas(root: Path = ROOT) -> dict[str, Schema]:
    """Every database of the product, by name.

    `services/<service>/migrations/*.sql` make the service's own database, with the shared files before them: the
    context functions, the outbox, the cursors. A directory below it, `services/<service>/migrations/<database>/`,
    makes a further database of that service (the vault), with the context functions alone.
    """
    found: dict[str, Schema] = {}
    for migrations in sorted((root / "services").glob(f"*/{_MIGRATIONS}")):
        service = migrations.parent.name
        if any(migrations.glob("*.sql")):
            directories = (root / _CONTEXT, *(root / each for each in _EVENTS), migrations)
            found[service] = Schema(database=service, directories=directories)
        for further in sorted(each for each in migrations.iterdir() if any(each.glob("*.sql"))):
            found[further.name] = Schema(database=further.name, directories=(root / _CONTEXT, further))
    return found
