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
        columns=frozenset({"segment"}),
        rows="(segment IS NULL)",
        reason="a part is put into a segment once",
    ),
    Right(
        role="jobs",
        table="entry_personal",
        command="DELETE",
        rows="(recorded_at < (now() - '1 year'::interval))",
        reason="retention removes what travels beside an entry, never the entry",
    ),
)
