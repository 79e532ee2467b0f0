"""Anchors of one log, looked up in the platform log."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from libs.db.transaction import Transaction
from libs.ids import PLATFORM
from services.audit.fsck.keys import UNDER_WAY, KnownKeys
from services.audit.fsck.report import FsckReport
from wardenry.log.anchor import ANCHOR_ACTION, ANCHOR_SOURCE, HEAD_DETAIL, log_head
from wardenry.log.checkpoint import open_checkpoint
from wardenry.log.leaf import parse_leaf
from wardenry.log.note import NoteInvalid, VerifierKey, open_note

_BATCH = 1000
_ANCHORS = """
SELECT anchor.size, event_id, nonce, anchored_at, note FROM anchor
LEFT JOIN checkpoint ON checkpoint.log_id = anchor.log_id AND checkpoint.size = anchor.size
WHERE anchor.log_id = $1 AND anchor.size > $2 ORDER BY anchor.size LIMIT $3
"""
_LEAVES = "SELECT event_id, index, leaf FROM entry WHERE log_id = $1 AND event_id = ANY ($2::uuid[])"
_SENT = "SELECT anchored FROM tree_head WHERE log_id = $1"
_NOTES = "SELECT size, note FROM checkpoint WHERE log_id = $1 AND size > $2 ORDER BY size LIMIT $3"
_KNOWN = "SELECT count(*) FROM entry WHERE log_id = $1 AND action = $2"


async def anchors_known(tx: Transaction) -> int:
    """How many anchors the platform log holds."""
    known: int = await tx.fetchval(_KNOWN, PLATFORM, ANCHOR_ACTION)
    return known


async def check_anchors(tx: Transaction, log: UUID, *, keys: KnownKeys, now: datetime, report: FsckReport) -> int:
    """How many of the log's anchors are in the platform log. The transaction sees both logs."""
    size = found = 0
    entered: dict[VerifierKey, int] = {}
    while rows := await tx.fetch(_ANCHORS, log, size, _BATCH):
        size = rows[-1]["size"]
        entries = await tx.fetch(_LEAVES, PLATFORM, [row["event_id"] for row in rows])
        leaves = {entry["event_id"]: entry["leaf"] for entry in entries}
        places = {entry["event_id"]: entry["index"] for entry in entries}
        for row in rows:
            report.made["anchor"] += 1
            leaf = leaves.get(row["event_id"])
            if leaf is not None:
                found += 1
                for key, end in keys.retired.items():
                    if places[row["event_id"]] < end:
                        entered[key] = row["size"]
                if not _anchors(row, leaf, keys):
                    report.fail("anchor", log, f"the platform log holds another head than that of size {row['size']}")
            elif row["anchored_at"] < now - UNDER_WAY:
                report.fail("anchor", log, f"the head of size {row['size']} has not got to the platform log")
    sent = await tx.fetchval(_SENT, log)
    if sent is not None and sent != size:
        report.fail("anchor", log, f"the head of size {sent} is said to be the newest that was sent, it is of {size}")
    if log != PLATFORM:
        await _check_retired(tx, log, keys, entered, report)
    return found


async def _check_retired(
    tx: Transaction, log: UUID, keys: KnownKeys, entered: Mapping[VerifierKey, int], report: FsckReport
) -> None:
    """What a retired key signed entered the platform log before its end, or is smaller than what did."""
    for key in keys.retired:
        size = entered.get(key, 0)
        while rows := await tx.fetch(_NOTES, log, size, _BATCH):
            size = rows[-1]["size"]
            for row in rows:
                if _is_of(row["note"], key):
                    text = (
                        f"a retired key signed its head of size {row['size']}, which entered the platform log too late"
                    )
                    report.fail("checkpoint", log, text)


def _is_of(note: str, key: VerifierKey) -> bool:
    try:
        open_note(note, [key])
    except NoteInvalid:
        return False
    return True


def _anchors(row: Any, data: bytes, keys: KnownKeys) -> bool:
    try:
        leaf = parse_leaf(data)
        head = log_head(row["nonce"], open_checkpoint(row["note"] or "", keys.all))
    except ValueError:  # no leaf, no checkpoint, or a nonce of another length
        return False
    stated = (leaf.source, leaf.action, leaf.details.get(HEAD_DETAIL))
    return stated == (ANCHOR_SOURCE, ANCHOR_ACTION, head.hex())
