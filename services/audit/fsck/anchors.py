"""Anchors of one log, looked up in the platform log."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from libs.db.transaction import Transaction
from libs.ids import PLATFORM
from services.audit.fsck.report import FsckReport
from wardenry.log.anchor import ANCHOR_ACTION, ANCHOR_SOURCE, HEAD_DETAIL, log_head
from wardenry.log.checkpoint import open_checkpoint
from wardenry.log.leaf import parse_leaf
from wardenry.log.note import VerifierKey

_BATCH = 1000
#: How long an anchor may be on its way, through outbox and broker, before its absence is a finding.
_UNDER_WAY = timedelta(hours=1)
_ANCHORS = """
SELECT anchor.size, event_id, nonce, anchored_at, note FROM anchor
LEFT JOIN checkpoint ON checkpoint.log_id = anchor.log_id AND checkpoint.size = anchor.size
WHERE anchor.log_id = $1 AND anchor.size > $2 ORDER BY anchor.size LIMIT $3
"""
_LEAVES = "SELECT event_id, leaf FROM entry WHERE log_id = $1 AND event_id = ANY ($2::uuid[])"
_SENT = "SELECT anchored FROM tree_head WHERE log_id = $1"
_KNOWN = "SELECT count(*) FROM entry WHERE log_id = $1 AND action = $2"


async def anchors_known(tx: Transaction) -> int:
    """How many anchors the platform log holds."""
    known: int = await tx.fetchval(_KNOWN, PLATFORM, ANCHOR_ACTION)
    return known


async def check_anchors(tx: Transaction, log: UUID, *, key: VerifierKey, now: datetime, report: FsckReport) -> int:
    """How many of the log's anchors are in the platform log. The transaction sees both logs."""
    size = found = 0
    while rows := await tx.fetch(_ANCHORS, log, size, _BATCH):
        size = rows[-1]["size"]
        entries = await tx.fetch(_LEAVES, PLATFORM, [row["event_id"] for row in rows])
        leaves = {entry["event_id"]: entry["leaf"] for entry in entries}
        for row in rows:
            report.made["anchor"] += 1
            leaf = leaves.get(row["event_id"])
            if leaf is not None:
                found += 1
                if not _anchors(row, leaf, key):
                    report.fail("anchor", log, f"the platform log holds another head than that of size {row['size']}")
            elif row["anchored_at"] < now - _UNDER_WAY:
                report.fail("anchor", log, f"the head of size {row['size']} has not got to the platform log")
    sent = await tx.fetchval(_SENT, log)
    if sent is not None and sent != size:
        report.fail("anchor", log, f"the head of size {sent} is said to be the newest that was sent, it is of {size}")
    return found


def _anchors(row: Any, data: bytes, key: VerifierKey) -> bool:
    try:
        leaf = parse_leaf(data)
        head = log_head(row["nonce"], open_checkpoint(row["note"] or "", [key]))
    except ValueError:  # no leaf, no checkpoint, or a nonce of another length
        return False
    stated = (leaf.source, leaf.action, leaf.details.get(HEAD_DETAIL))
    return stated == (ANCHOR_SOURCE, ANCHOR_ACTION, head.hex())
