"""The keys that checkpoints were signed with, as the platform log tells it: each names the one before it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from libs.db.transaction import Transaction
from libs.ids import PLATFORM
from services.audit.domain.key import KEY_RETIRED, RETIRED_DETAIL, SUCCESSOR_DETAIL
from services.audit.fsck.report import FsckReport
from services.audit.store.key import PostgresCheckpointKeys
from wardenry.log.anchor import ANCHOR_SOURCE
from wardenry.log.leaf import LeafInvalid, parse_leaf
from wardenry.log.note import NoteInvalid, VerifierKey

#: How long an event of audit's own may be on its way, through outbox and broker, before its absence is a finding.
UNDER_WAY = timedelta(hours=1)
_ENDS = "SELECT index, event_id, leaf FROM entry WHERE log_id = $1 AND action = $2 ORDER BY index DESC"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownKeys:
    """Whom fsck believes, and how far."""

    present: VerifierKey
    #: Entries of the platform log before the end of each.
    retired: Mapping[VerifierKey, int]
    #: Whose end has not got to the platform log yet.
    ending: Sequence[VerifierKey] = ()

    @property
    def all(self) -> Sequence[VerifierKey]:
        return [self.present, *self.retired, *self.ending]


async def known_keys(tx: Transaction, present: VerifierKey, *, now: datetime, report: FsckReport) -> KnownKeys:
    """From the present key back. The table of keys says the same, or is reported. The transaction sees the platform
    log."""
    retired: dict[VerifierKey, int] = {}
    ends = {}
    ending = []
    wanted = present
    told = [(named, row) for row in await tx.fetch(_ENDS, PLATFORM, KEY_RETIRED) if (named := _named(row["leaf"]))]
    # One that was parked on its way may stand after that of a later key.
    while end := next(
        (each for each in told if each[0][1] == wanted and each[0][0] not in (present, *retired)),
        None,
    ):
        (wanted, _), row = end
        retired[wanted] = row["index"]
        ends[wanted] = row["event_id"]
    table = await PostgresCheckpointKeys(tx=tx).all()
    for missing in retired.keys() - {key.key for key in table}:
        report.fail(
            "checkpoint", PLATFORM, f"the platform log says that {missing} was retired, and it is noted nowhere"
        )
    for key in table:
        if key.key in retired:
            if key.event_id != ends[key.key]:
                report.fail("checkpoint", PLATFORM, f"another entry than is noted says that {key.key} was retired")
        elif key.key != present and key.ended_at is not None and abs(now - key.ended_at) < UNDER_WAY:
            ending.append(key.key)
            report.unchecked["checkpoint"] = "the retirement of a key is on its way to the platform log"
        elif key.key != present:
            report.fail("checkpoint", PLATFORM, f"nothing in the platform log says that {key.key} was retired")
        elif key.ended_at is not None:
            report.fail("checkpoint", PLATFORM, "the present key is said to have ended")
    return KnownKeys(present=present, retired=retired, ending=ending)


def _named(data: bytes) -> tuple[VerifierKey, VerifierKey] | None:
    """The retired key and its successor."""
    try:
        leaf = parse_leaf(data)
        if leaf.source != ANCHOR_SOURCE:
            return None
        return VerifierKey.parse(leaf.details[RETIRED_DETAIL]), VerifierKey.parse(leaf.details[SUCCESSOR_DETAIL])
    except (LeafInvalid, NoteInvalid, KeyError):
        return None
