"""What the decision finds: a sound state is built, damaged in one place, and must be told from a sound one."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from libs.merkle.frontier import Frontier
from tests.faults.decision import decide
from tests.faults.history import Act, Answer, History
from tests.faults.stores import Emitted, Entry, HashRun, StoredCheckpoint, Stores, Tree
from wardenry.events.v1 import action_pb2, leaf_pb2
from wardenry.log.checkpoint import Checkpoint, log_origin, sign_checkpoint
from wardenry.log.leaf import parse_leaf
from wardenry.log.note import NoteSigner
from wardenry.log.tree import leaf_hash

LOG = UUID("018f0000-0000-7000-8000-000000000001")
SESSION = UUID("018f0000-0000-7000-8000-000000000002")
GRANT = UUID("018f0000-0000-7000-8000-000000000003")
SIGNER = NoteSigner(name="tests/audit", seed=bytes(32))
MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


def entry(index: int, action: str, target: UUID, *, succeeded: bool = True) -> Entry:
    occurred = Timestamp()
    occurred.FromDatetime(MOMENT)
    event = UUID(int=LOG.int + 1000 + index)
    data = leaf_pb2.Leaf(
        version=1,
        event=event.bytes,
        log=LOG.bytes,
        source="session",
        action=action,
        outcome=action_pb2.OUTCOME_SUCCESS if succeeded else action_pb2.OUTCOME_FAILURE,
        occurred_at=occurred,
        actor=leaf_pb2.Actor(kind=leaf_pb2.ACTOR_KIND_VISITOR),
        target=leaf_pb2.Target(kind="session", id=target.bytes),
    ).SerializeToString()
    return Entry(
        log=LOG,
        index=index,
        event_id=event,
        action=action,
        succeeded=succeeded,
        data=data,
        leaf=parse_leaf(data),
    )


def stores_of(entries: Sequence[Entry]) -> Stores:
    """What the databases hold after these entries, each of which a source emitted."""
    leaves = [leaf_hash(each.data) for each in entries]
    frontier, runs = Frontier().append(leaves)
    notes = []
    for size in range(1, len(entries) + 1):
        root = Frontier().append(leaves[:size])[0].root()
        note = sign_checkpoint(Checkpoint(origin=log_origin("tests/audit", LOG), size=size, root=root), SIGNER)
        notes.append(StoredCheckpoint(log=LOG, size=size, note=note))
    return Stores(
        entries=entries,
        trees=[Tree(log=LOG, size=frontier.size, root=frontier.root(), frontier=frontier.to_bytes())],
        checkpoints=notes,
        hashes=[HashRun(log=LOG, level=run.level, first=run.first, hashes=run.hashes) for run in runs],
        emitted=[Emitted(source="session", event_id=each.event_id, log=LOG, action=each.action) for each in entries],
        parked=[],
        sessions={SESSION: "logout"},
        grants={GRANT: 2},
        invitations={},
        workspaces=frozenset(),
        receipts=frozenset(),
    )


def acts(*keys: tuple[str, str, Answer]) -> History:
    return History(acts=[Act(log=LOG, action=action, identity=name, answer=answer) for action, name, answer in keys])


ENTRIES = [
    entry(0, "user.login", SESSION),
    entry(1, "session.refreshed", GRANT),
    entry(2, "session.refreshed", GRANT),
    entry(3, "user.logout", SESSION),
]
SOUND = stores_of(ENTRIES)
HISTORY = acts(
    ("user.login", str(SESSION), Answer.ACKNOWLEDGED),
    ("session.refreshed", f"{GRANT}#1", Answer.ACKNOWLEDGED),
    ("session.refreshed", f"{GRANT}#2", Answer.UNKNOWN),
    ("session.refreshed", f"{GRANT}#3", Answer.REFUSED),
    ("user.logout", str(SESSION), Answer.UNKNOWN),
    ("user.logout", str(SESSION), Answer.ACKNOWLEDGED),
)


def test_a_sound_state_has_no_findings() -> None:
    assert decide(HISTORY, SOUND, [SIGNER.key]) == []


@pytest.mark.parametrize(
    ("history", "words"),
    [
        (acts(("user.login", str(GRANT), Answer.ACKNOWLEDGED)), "acknowledged and has 0 entries"),
        (acts(("session.refreshed", f"{GRANT}#3", Answer.ACKNOWLEDGED)), "acknowledged and has 0 entries"),
        (acts(("user.logout", str(SESSION), Answer.REFUSED)), "refused and has 1 entries"),
        (History(seen=["served after the end"]), "served after the end"),
    ],
    ids=["lost", "one refresh lost", "failed and recorded", "seen by a client"],
)
def test_a_history_that_the_log_contradicts_is_found(history: History, words: str) -> None:
    assert [finding for finding in decide(history, SOUND, [SIGNER.key]) if words in finding]


def test_an_unknown_outcome_may_be_either_and_not_twice() -> None:
    unknown = acts(
        ("user.login", str(GRANT), Answer.UNKNOWN),
        ("user.login", str(SESSION), Answer.UNKNOWN),
    )
    assert decide(unknown, SOUND, [SIGNER.key]) == []
    twice = stores_of([*ENTRIES, entry(4, "user.login", SESSION)])
    assert [finding for finding in decide(unknown, twice, [SIGNER.key]) if "unknown and has 2 entries" in finding]


def test_an_entry_of_what_was_only_tried_is_no_success() -> None:
    tried = stores_of([*ENTRIES, entry(4, "permission.denied", LOG, succeeded=False)])
    assert decide(acts(("permission.denied", str(LOG), Answer.REFUSED)), tried, [SIGNER.key]) == []


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda s: replace(s, emitted=s.emitted[:-1]), "no source emitted it"),
        (lambda s: replace(s, emitted=[*s.emitted, replace(s.emitted[0], event_id=LOG)]), "is not in log"),
        (lambda s: replace(s, emitted=[replace(s.emitted[0], action="user.logout"), *s.emitted[1:]]), "another event"),
        (lambda s: replace(s, sessions={SESSION: None}), "the rows say 0 times, the log 1"),
        (lambda s: replace(s, sessions={**s.sessions, LOG: None}), "the rows say 1 times, the log 0"),
        (lambda s: replace(s, grants={GRANT: 3}), "the rows say 3 times, the log 2"),
        (lambda s: replace(s, receipts=frozenset({LOG})), "1 receipts, 0 entries"),
        (lambda s: replace(s, parked=["audit parked a record"]), "parked"),
        (lambda s: replace(s, entries=s.entries[:-1]), "numbers with gaps"),
        (lambda s: replace(s, entries=[*s.entries[:1], *s.entries[2:]]), "numbers with gaps"),
        (lambda s: replace(s, trees=[]), "entries and no tree"),
        (lambda s: replace(s, trees=[replace(s.trees[0], root=bytes(32))]), "not the one of its entries"),
        (lambda s: replace(s, trees=[replace(s.trees[0], frontier=bytes(32))]), "not the one of its entries"),
        (lambda s: replace(s, hashes=s.hashes[:-1]), "the stored hashes"),
        (lambda s: replace(s, checkpoints=s.checkpoints[:-1]), "no checkpoint over the last"),
        (lambda s: replace(s, checkpoints=[replace(s.checkpoints[1], size=1), *s.checkpoints[1:]]), "another tree"),
        (lambda s: replace(s, checkpoints=[*s.checkpoints, replace(s.checkpoints[0], size=9)]), "covers 9 entries"),
        (
            lambda s: replace(s, checkpoints=[replace(s.checkpoints[0], note="no note"), *s.checkpoints[1:]]),
            "is not signed",
        ),
        (lambda s: replace(s, entries=[ENTRIES[1], *s.entries[1:]]), "numbers with gaps"),
    ],
)
def test_damage_to_the_stores_is_found(damage: Callable[[Stores], Stores], words: str) -> None:
    assert [finding for finding in decide(HISTORY, damage(SOUND), [SIGNER.key]) if words in finding]


def test_an_event_in_two_places_is_found() -> None:
    doubled = replace(entry(4, "user.login", SESSION), event_id=ENTRIES[0].event_id)
    found = decide(HISTORY, stores_of([*ENTRIES, doubled]), [SIGNER.key])
    assert [finding for finding in found if "has 2 entries in log" in finding]
    assert [finding for finding in found if "is not what its leaf says" in finding]


def test_checkpoints_of_another_key_are_found() -> None:
    other = NoteSigner(name="tests/audit", seed=bytes([1]) * 32)
    assert len([each for each in decide(HISTORY, SOUND, [other.key]) if "is not signed" in each]) == len(ENTRIES)
