"""The whole store, log by log."""

from uuid import UUID

from libs.db.pool import Database
from libs.ids import PLATFORM
from services.audit.domain.ports import SegmentObjects
from services.audit.fsck.anchors import anchors_known, check_anchors
from services.audit.fsck.keys import known_keys
from services.audit.fsck.progress import Progress, after, unseen
from services.audit.fsck.report import FsckReport
from services.audit.fsck.segments import CheckSegments, check_release
from services.audit.fsck.tree import CheckTree, reading
from wardenry.clock import Clock
from wardenry.log.note import VerifierKey

_TREES = "SELECT log_id FROM tree_head"
#: A log whose head is gone was still added to. As many parts at a time.
_ADDED = """
SELECT max(id) AS last, array_agg(DISTINCT log_id) AS logs
FROM (SELECT id, logs FROM segment_part WHERE id > $1 ORDER BY id LIMIT 20000) AS part, unnest(logs) AS log_id
"""


class Fsck:
    """Recomputes everything from stored bytes. The service may go on meanwhile: each log is read as of one moment."""

    def __init__(
        self,
        *,
        runtime: Database,
        jobs: Database,
        objects: SegmentObjects,
        key: VerifierKey,
        clock: Clock,
    ) -> None:
        """`jobs` lists the logs; `runtime` reads them, in transactions that can change nothing."""
        self._runtime = runtime
        self._jobs = jobs
        self._objects = objects
        self._key = key
        self._clock = clock

    async def check(self, report: FsckReport | None = None, progress: Progress = unseen) -> FsckReport:
        """Raises DatabaseUnavailable, DatabaseRefused; what was found until then is in the `report` that was given."""
        report = FsckReport() if report is None else report
        # Before the logs are listed: one that is made in between would have an anchor and be of no log.
        async with reading(self._runtime, PLATFORM) as tx:
            known = await anchors_known(tx)
            keys = await known_keys(tx, self._key, now=self._clock.now(), report=report)
        logs = {row["log_id"] for row in await self._jobs.fetch(_TREES)}
        last = 0
        while (added := (await self._runtime.fetch(_ADDED, last))[0])["last"] is not None:
            last = added["last"]
            logs.update(added["logs"])
        sizes: dict[UUID, tuple[int, int]] = {}
        anchored = 0
        for number, log in enumerate(sorted(logs), start=1):
            told = after(f"log {number:,} of {len(logs):,}: ", progress)
            async with reading(self._runtime, log, PLATFORM) as tx:
                sizes[log] = await CheckTree(tx=tx, log=log, keys=keys, report=report, progress=told).check()
                anchored += await check_anchors(tx, log, keys=keys, now=self._clock.now(), report=report)
            report.logs += 1
        if anchored < known:
            report.fail("anchor", PLATFORM, f"{known - anchored} anchors in the platform log are of no log")
        progress("what segments hold")
        await check_release(self._runtime, sizes, report)
        segments = CheckSegments(
            database=self._runtime, objects=self._objects, report=report, now=self._clock.now(), progress=progress
        )
        await segments.check()
        return report
