"""What of audit's database is written once, and the rights that there are to change the rest."""

from libs.controls.write_once.right import Right

#: Tables of the event path (libs/outbox, libs/events): they come and go, and are no part of the log.
EVENT_PATH = frozenset({"outbox", "outbox_head", "cursor", "parked_record"})
#: The table whose triggers refuse changes to everybody, and their function (migrations/0002_entry.sql).
GUARDED, GUARD = "entry", "refuse_change"
RIGHTS = (
    Right(
        role="runtime",
        table="tree_head",
        command="UPDATE",
        columns=frozenset({"size", "root", "frontier", "anchored"}),
        rows="true",
        reason="appending moves the head; what was signed of it cannot be moved",
    ),
    Right(
        role="runtime",
        table="segment_part",
        command="UPDATE",
        columns=frozenset({"segment", "logs", "firsts", "counts"}),
        rows="(segment IS NULL)",
        reason="a part is put into a segment once, and until then a damaged log is taken out of it",
    ),
    Right(
        role="runtime",
        table="segment_part",
        command="DELETE",
        rows="(segment IS NULL)",
        reason="a part of nothing but a damaged log, which is held back, goes",
    ),
    Right(
        role="runtime",
        table="segment_held",
        command="UPDATE",
        columns=frozenset({"count", "recorded_from", "recorded_until", "size"}),
        rows="true",
        reason="what is held back of a damaged log grows with the log",
    ),
    Right(
        role="runtime",
        table="segment_held",
        command="DELETE",
        rows="true",
        reason="a log that is whole again is held back no longer",
    ),
    Right(
        role="runtime",
        table="checkpoint_key",
        command="UPDATE",
        columns=frozenset({"ended_at", "event_id"}),
        rows="(event_id IS NULL)",
        reason="a key is retired once",
    ),
    Right(
        role="jobs",
        table="entry_personal",
        command="DELETE",
        rows="(recorded_at < (now() - '1 year'::interval))",
        reason="retention removes what travels beside an entry, never the entry",
    ),
)
