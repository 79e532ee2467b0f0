"""`python -m services.audit.fsck`: checks everything that audit stores, with the settings of the service.

Exit codes: 0 everything holds; 1 something does not; 2 not everything could be checked.
"""

import argparse
import asyncio
import sys
import traceback

from libs.config.secret import SecretInvalid, read_key
from libs.config.settings import load
from libs.db.errors import DatabaseRefused, DatabaseUnavailable
from libs.service.databases import Databases
from services.audit.clients.segment import ObjectStoreSegments
from services.audit.config import AuditSettings
from services.audit.fsck.progress import shown_on
from services.audit.fsck.report import FsckReport
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
    settings = load(AuditSettings)
    report = FsckReport()
    try:
        asyncio.run(check(settings, report))
    except (DatabaseUnavailable, DatabaseRefused) as error:
        report.broken_off = f"the database: {error}"
    except (SecretInvalid, OSError) as error:
        report.broken_off = str(error)
    except Exception as error:
        # Damage may be of a kind that nobody thought of. Its traceback says where; that it is damage it does not say.
        traceback.print_exc()
        report.broken_off = type(error).__name__
    if options.json:
        sys.stdout.write(report.as_json() + "\n")
    else:
        report.print_table(sys.stdout)
    return report.exit_code


async def check(settings: AuditSettings, report: FsckReport, *, patience: float = 30.0) -> None:
    """Fills the report. Waits `patience` seconds for the database.

    Raises DatabaseUnavailable, DatabaseRefused, SecretInvalid, OSError.
    """
    key = NoteSigner(name=settings.log_origin, seed=read_key(settings.checkpoint_key_file)).key
    async with Databases(settings) as databases:
        try:
            async with asyncio.timeout(patience):
                await databases.open()
        except TimeoutError:
            raise DatabaseUnavailable(f"it did not answer within {patience:g} s") from None
        fsck = Fsck(
            runtime=databases.runtime,
            jobs=databases.jobs,
            objects=ObjectStoreSegments(url=settings.object_store_url),
            key=key,
            clock=SystemClock(),
        )
        with shown_on(sys.stderr) as progress:
            await fsck.check(report, progress)


if __name__ == "__main__":
    raise SystemExit(main())
