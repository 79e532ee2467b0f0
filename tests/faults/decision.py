"""Decides from a history and the stores whether the invariants held. Pure: every finding is a sentence."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from libs.merkle.frontier import Frontier
from tests.faults.history import Answer, History, Key
from tests.faults.stores import Entry, Stores
from wardenry.log.checkpoint import open_checkpoint
from wardenry.log.note import NoteInvalid, VerifierKey
from wardenry.log.tree import HASH_BYTES, RootBuilder, leaf_hash

#: Their entries name what was changed, not the change: the how-manieth one of its target tells them apart.
COUNTED = frozenset({"session.refreshed", "settings.changed"})
#: The reasons for which a session's row says it ended, and the action of the entry that says so too.
ENDS = {
    "logout": "user.logout",
    "revoked": "session.revoked",
    "credential": "session.revoked",
    "reused": "session.reused",
}
#: Actions whose entries are exactly what the services' rows say.
ROWS = frozenset(
    {
        "user.login",
        "user.logout",
        "session.revoked",
        "session.refreshed",
        "user.invited",
        "invitation.revoked",
        "workspace.created",
    }
)


def decide(history: History, stores: Stores, keys: Sequence[VerifierKey]) -> list[str]:
    """All findings: none when the invariants held."""
    return [
        *acknowledged_and_recorded(history, stores.entries),
        *emitted_and_recorded(stores),
        *stored_and_recorded(stores),
        *stores.parked,
        *dense_and_consistent(stores, keys),
        *history.seen,
    ]


def keys_of(entries: Iterable[Entry]) -> Counter[Key]:
    """How often the log says that each thing was done. Entries of what was only tried do not count."""
    found: Counter[Key] = Counter()
    times: Counter[Key] = Counter()
    for entry in entries:
        if not entry.succeeded:
            continue
        if entry.action.startswith("record."):
            identity = str(entry.event_id)
        elif entry.action in COUNTED:
            times[entry.log, entry.action, entry.leaf.target_id] += 1
            identity = f"{entry.leaf.target_id}#{times[entry.log, entry.action, entry.leaf.target_id]}"
        else:
            identity = entry.leaf.target_id
        found[entry.log, entry.action, identity] += 1
    return found


def acknowledged_and_recorded(history: History, entries: Iterable[Entry]) -> list[str]:
    """Invariant 1, as clients know it: one entry for what was acknowledged, none for what failed, at most one else."""
    found = keys_of(entries)
    findings = []
    for key, answer in history.outcomes().items():
        allowed = {Answer.ACKNOWLEDGED: (1, 1), Answer.UNKNOWN: (0, 1), Answer.REFUSED: (0, 0)}[answer]
        if not allowed[0] <= found[key] <= allowed[1]:
            log, action, identity = key
            findings.append(f"{action} {identity} was {answer} and has {found[key]} entries in log {log}")
    return findings


def emitted_and_recorded(stores: Stores) -> list[str]:
    """Invariant 1, as transactions know it: each committed event has one entry, which says the same."""
    entries: dict[tuple[UUID, UUID], list[Entry]] = defaultdict(list)
    for entry in stores.entries:
        entries[entry.log, entry.event_id].append(entry)
    findings = [
        f"event {event} has {len(some)} entries in log {log}" for (log, event), some in entries.items() if len(some) > 1
    ]
    emitted = {(row.log, row.event_id): row for row in stores.emitted}
    for key, row in emitted.items():
        if key not in entries:
            findings.append(f"{row.action} {row.event_id} of {row.source} was committed and is not in log {row.log}")
        elif (entries[key][0].action, entries[key][0].leaf.source) != (row.action, row.source):
            findings.append(f"{row.action} {row.event_id} of {row.source} is another event in log {row.log}")
    findings += [
        f"{some[0].action} {event} is in log {log} and no source emitted it"
        for (log, event), some in entries.items()
        if (log, event) not in emitted
    ]
    return findings


def stored_and_recorded(stores: Stores) -> list[str]:
    """Invariant 1, as the services' own rows know it: what a row says happened has its entry, and the reverse."""
    said: Counter[tuple[str, str]] = Counter(
        (entry.action, str(entry.event_id) if entry.action.startswith("record.") else entry.leaf.target_id)
        for entry in stores.entries
    )
    expected: Counter[tuple[str, str]] = Counter()
    for session, end in stores.sessions.items():
        expected["user.login", str(session)] += 1
        if end is not None:
            expected[ENDS[end], str(session)] += 1
    for grant, counter in stores.grants.items():
        expected["session.refreshed", str(grant)] += counter
    for invitation, revoked in stores.invitations.items():
        expected["user.invited", str(invitation)] += 1
        expected["invitation.revoked", str(invitation)] += revoked
    for workspace in stores.workspaces:
        expected["workspace.created", str(workspace)] += 1
    records = Counter(dict.fromkeys(map(str, stores.receipts), 1))
    findings = compared(
        {(action, target): count for (action, target), count in said.items() if not action.startswith("record.")},
        expected,
    )
    recorded = Counter({target: count for (action, target), count in said.items() if action.startswith("record.")})
    for event in records.keys() | recorded.keys():
        if records[event] != recorded[event]:
            findings.append(f"record {event}: {records[event]} receipts, {recorded[event]} entries")
    return findings


def compared(said: Mapping[tuple[str, str], int], expected: Mapping[tuple[str, str], int]) -> list[str]:
    """Where the log and the rows differ, for the actions that rows know of. A reused session's entry names a grant."""
    findings = []
    for action, target in sorted(said.keys() | expected.keys()):
        if action not in ROWS:
            continue
        rows, entries = expected.get((action, target), 0), said.get((action, target), 0)
        # A membership's end revokes a grant: no session's row says so.
        if rows != entries and not (action == "session.revoked" and rows < entries == 1):
            findings.append(f"{action} {target}: the rows say {rows} times, the log {entries}")
    reused = [sum(count for (action, _), count in of.items() if action == "session.reused") for of in (said, expected)]
    if reused[0] != reused[1]:
        findings.append(f"session.reused: the rows say {reused[1]} times, the log {reused[0]}")
    return findings


def dense_and_consistent(stores: Stores, keys: Sequence[VerifierKey]) -> list[str]:
    """Invariant 2: each log is dense, and leaves, heads, tiles and all signed checkpoints tell the same tree."""
    logs: dict[UUID, list[Entry]] = defaultdict(list)
    for entry in stores.entries:
        logs[entry.log].append(entry)
    heads = {tree.log: tree for tree in stores.trees}
    notes: dict[UUID, list[tuple[int, str]]] = defaultdict(list)
    for checkpoint in stores.checkpoints:
        notes[checkpoint.log].append((checkpoint.size, checkpoint.note))
    tiles: dict[UUID, Counter[tuple[int, int, bytes]]] = defaultdict(Counter)
    for run in stores.hashes:
        tiles[run.log].update(hashes_of(run.level, run.first, run.hashes))
    findings = [f"log {log} has entries and no tree" for log in logs.keys() - heads.keys()]
    findings += [f"log {log} has checkpoints and no tree" for log in notes.keys() - heads.keys()]
    for log, head in heads.items():
        entries = logs[log]
        if [entry.index for entry in entries] != list(range(head.size)):
            findings.append(f"log {log}: {len(entries)} entries, a tree of {head.size}, or numbers with gaps")
            continue
        wrong = [entry.index for entry in entries if (entry.leaf.log, entry.leaf.event_id) != (log, entry.event_id)]
        findings += [f"entry {index} of log {log} is not what its leaf says" for index in wrong]
        leaves = [leaf_hash(entry.data) for entry in entries]
        frontier, runs = Frontier().append(leaves)
        if (head.root, head.frontier) != (frontier.root(), frontier.to_bytes()):
            findings.append(f"the tree of log {log} is not the one of its entries")
        if tiles[log] != Counter(each for run in runs for each in hashes_of(run.level, run.first, run.hashes)):
            findings.append(f"the stored hashes of log {log} are not those of its entries")
        findings += inconsistent(log, notes[log], leaves, keys)
    return findings


def hashes_of(level: int, first: int, hashes: bytes) -> list[tuple[int, int, bytes]]:
    """Each hash of a run with its place."""
    return [
        (level, first + start // HASH_BYTES, hashes[start : start + HASH_BYTES])
        for start in range(0, len(hashes), HASH_BYTES)
    ]


def inconsistent(
    log: UUID, notes: Sequence[tuple[int, str]], leaves: Sequence[bytes], keys: Sequence[VerifierKey]
) -> list[str]:
    """Checkpoints of a log that are not signed, or not of a prefix of its leaves."""
    findings = []
    builder = RootBuilder()
    for size, note in sorted(notes):
        if size > len(leaves):
            findings.append(f"a checkpoint of log {log} covers {size} entries, it has {len(leaves)}")
            continue
        builder.extend(leaves[builder.size : size])
        try:
            checkpoint = open_checkpoint(note, keys)
        except (NoteInvalid, ValueError) as error:
            findings.append(f"the checkpoint of size {size} of log {log} is not signed: {error}")
            continue
        told = (checkpoint.origin.rpartition("/")[2], checkpoint.size, checkpoint.root)
        if told != (str(log), size, builder.root()):
            findings.append(f"the checkpoint of size {size} of log {log} is of another tree")
    if leaves and (not notes or max(notes)[0] != len(leaves)):
        findings.append(f"log {log} has {len(leaves)} entries and no checkpoint over the last")
    return findings
