"""`python -m services.audit.fsck`: checks everything that audit stores, with the settings of the service.

Exit codes: 0 everything holds; 1 something does not; 2 not everything could be checked.
"""

import argparse
import asyncio
import sys

from libs.config.secret import read_key
from libs.config.settings import load
from libs.db.errors import DatabaseRefused, DatabaseUnavailable
from libs.service.databases import Databases
from services.audit.clients.segment import ObjectStoreSegments
from services.audit.config import AuditSettings
from services.audit.fsck.report import UNCHECKED, FsckReport
from services.audit.fsck.store import Fsck
from wardenry.clock import SystemClock
from wardenry.log.note import NoteSigner


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m services.audit.fsck",
        description="Recompute the audit log from stored bytes and compare; it changes nothing.",
        epilog="exit codes: 0 everything holds, 1 something does not, 2 not everything could be checked",
    )
    parser.add_argument("--json", action="store_true", help="print the report as one JSON object")
    options = parser.parse_args()
    try:
        report = asyncio.run(checked(load(AuditSettings)))
    except (DatabaseUnavailable, DatabaseRefused) as error:
        sys.stderr.write(f"services.audit.fsck: the database: {error}\n")
        return UNCHECKED
    if options.json:
        sys.stdout.write(report.as_json() + "\n")
    else:
        report.print_table(sys.stdout)
    return report.exit_code


async def checked(settings: AuditSettings) -> FsckReport:
    """Raises DatabaseUnavailable, DatabaseRefused, SecretInvalid, OSError."""
    async with Databases(settings) as databases:
        await databases.open()
        return await Fsck(
            runtime=databases.runtime,
            jobs=databases.jobs,
            objects=ObjectStoreSegments(url=settings.object_store_url),
            key=NoteSigner(name=settings.log_origin, seed=read_key(settings.checkpoint_key_file)).key,
            clock=SystemClock(),
            progress=_progress if sys.stderr.isatty() else _silent,
        ).check()


def _progress(text: str) -> None:
    sys.stderr.write(f"\r\x1b[K{text}\r")
    sys.stderr.flush()


def _silent(text: str) -> None:
    """Nobody looks on."""


if __name__ == "__main__":
    raise SystemExit(main())
