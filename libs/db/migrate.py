"""`python -m libs.db.migrate --service identity`: bring one database's schema forward.

The owner's connection URL stands in the file that WARDENRY_<SERVICE>_OWNER_DATABASE_URL_FILE names.
"""

import argparse
import asyncio
import logging
import os
import sys
from pathlib import Path

from libs.db.errors import DatabaseRefused, DatabaseUnavailable
from libs.db.migrations import MigrationFailed, migrate
from libs.db.schemas import schemas

_RETRY_SECONDS = 0.5


async def _migrate(service: str, url: str, *, wait: float) -> None:
    schema = schemas()[service]
    while True:
        try:
            await migrate(url, schema.directories, service=service)
            return
        except DatabaseUnavailable as error:
            if wait <= 0:
                raise
            logging.warning("%s: waiting for the database: %s", service, error)
        await asyncio.sleep(_RETRY_SECONDS)
        wait -= _RETRY_SECONDS


def main() -> int:
    """0 when the schema is current; 78 (EX_CONFIG) for a wrong setting, 1 for a failure, each with one line."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    known = schemas()
    parser = argparse.ArgumentParser(prog="python -m libs.db.migrate", description="Bring a database's schema forward.")
    parser.add_argument("--service", required=True, choices=sorted(known), help="whose database")
    parser.add_argument("--wait", type=float, default=60.0, help="seconds to wait for the database (default 60)")
    arguments = parser.parse_args()
    variable = f"WARDENRY_{arguments.service.upper()}_OWNER_DATABASE_URL_FILE"
    try:
        url = Path(os.environ[variable]).read_text(encoding="utf-8").strip()
    except KeyError:
        return _fail(78, f"set {variable} to the file that holds the owner's connection URL")
    except OSError as error:
        return _fail(78, f"{variable}: {error.strerror}: {error.filename}")
    try:
        asyncio.run(_migrate(arguments.service, url, wait=arguments.wait))
    except (MigrationFailed, DatabaseUnavailable, DatabaseRefused) as error:
        return _fail(1, f"{arguments.service}: {error}")
    return 0


def _fail(code: int, line: str) -> int:
    sys.stderr.write(f"{line}\n")
    return code


if __name__ == "__main__":
    raise SystemExit(main())
