"""What audit needs of the world, as contracts.

The store lets libs.db's DatabaseUnavailable through; the vault raises KeysUnavailable.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

from libs.crypto.reader_key import ReaderPublicKey
from libs.events.event import Event
from libs.merkle.frontier import Frontier, HashRun
from libs.merkle.proofs import Tile
from services.audit.domain.anchor import HeadAnchor
from services.audit.domain.entry import NewEntry, OpenedEntry, StoredEntry
from services.audit.domain.key import CheckpointKey
from services.audit.domain.log import SignedCheckpoint, TreeHead
from services.audit.domain.segment import HeldLog, SegmentEntry, SegmentPart, Span
from wardenry.log.filter import EntryFilter
from wardenry.log.note import VerifierKey


class Entries(Protocol):
    """The entries of the logs that the unit of work names."""

    async def add(self, entries: Sequence[tuple[int, NewEntry]], *, recorded_at: datetime) -> None:
        """Stores entries with their indexes, which the caller owns by the lock on their trees."""
        ...

    async def leaves(
        self, events: Collection[tuple[UUID, UUID]], *, since: datetime, until: datetime
    ) -> Mapping[tuple[UUID, UUID], bytes]:
        """The leaves of those (log, event id) that have an entry recorded between the two times."""
        ...

    async def newest(self, log: UUID, wanted: EntryFilter, *, before: int | None, limit: int) -> Sequence[StoredEntry]:
        """Matching entries below index `before` (None: all), the newest first."""
        ...

    async def following(
        self, log: UUID, wanted: EntryFilter, *, start: int, end: int, limit: int
    ) -> Sequence[StoredEntry]:
        """Matching entries from index `start` to below `end`, the oldest first."""
        ...

    async def places(self, log: UUID, events: Collection[UUID]) -> Mapping[UUID, tuple[int, bytes]]:
        """Index and leaf of those events that have an entry."""
        ...


class Trees(Protocol):
    """The trees of the logs that the unit of work names."""

    async def lock(self, logs: Collection[UUID]) -> Mapping[UUID, Frontier]:
        """Their frontiers, locked in key order until the unit of work is over. A log without a tree gets an empty
        one."""
        ...

    async def grow(self, changes: Mapping[UUID, tuple[Frontier, Frontier]]) -> None:
        """Moves each tree from the first to the second, if it has the first's size. Raises TreeMoved."""
        ...

    async def store(self, runs: Sequence[tuple[UUID, HashRun]]) -> None:
        """Stores hashes; none is stored twice."""
        ...

    async def heads(self, logs: Collection[UUID]) -> Sequence[TreeHead]:
        """The heads of those that have a tree."""
        ...

    async def releasable(self, logs: Collection[UUID]) -> Sequence[TreeHead]:
        """The heads of those that have a tree, and of which segments hold every entry."""
        ...

    async def tiles(self, log: UUID, wanted: Collection[Tile]) -> Mapping[Tile, bytes]:
        """The tiles as far as they are filled, by one read. Raises HashesMissing (libs.merkle.proofs)."""
        ...


class Checkpoints(Protocol):
    """The checkpoints of the logs that the unit of work names."""

    async def newest(self, logs: Collection[UUID]) -> Mapping[UUID, SignedCheckpoint]:
        """The largest of each log that has any."""
        ...

    async def of_size(self, log: UUID, size: int) -> SignedCheckpoint | None:
        """The one of this size."""
        ...

    async def add(self, checkpoints: Sequence[SignedCheckpoint], *, signed_at: datetime) -> None:
        """Stores them; where one of that size is there, that one stays."""
        ...


class Segments(Protocol):
    """What was appended, and which segments hold it."""

    async def enqueue(self, spans: Sequence[Span], *, recorded_at: datetime, size: int) -> SegmentPart:
        """Notes what was appended, of so many bytes: no checkpoint over it is released until a segment holds it."""
        ...

    async def pending(self, *, limit: int) -> Sequence[SegmentPart]:
        """What no segment holds, of all logs, the oldest first."""
        ...

    async def lock(self) -> tuple[int, bytes]:
        """The next segment's number and the digest of the one before it; the caller's until the unit of work is
        over."""
        ...

    async def still_pending(self, parts: Collection[int]) -> Sequence[SegmentPart]:
        """Those of the parts, by id, that no segment holds."""
        ...

    async def entries(self, parts: Sequence[SegmentPart]) -> Sequence[SegmentEntry]:
        """The entries of the parts, in their order; the unit of work names the logs."""
        ...

    async def whole(self, parts: Sequence[SegmentPart]) -> Collection[int]:
        """Ids of those parts, each of one append, whose entries are all there, once each; the unit of work names the
        logs."""
        ...

    async def add(
        self, number: int, *, digest: bytes, entries: int, parts: Sequence[SegmentPart], stored_at: datetime
    ) -> None:
        """Notes that a segment holds the parts. `lock` gave the number."""
        ...

    async def held(self, logs: Collection[UUID] | None = None) -> Sequence[HeldLog]:
        """Those of the logs (None: all) that are held back."""
        ...

    async def hold(self, log: HeldLog) -> None:
        """Holds the log's span back, or adds it to what is held back of the log. `lock` was taken, and who calls takes
        the span out of its part."""
        ...

    async def keep(self, part: int, spans: Sequence[Span]) -> None:
        """Leaves the part, which no segment holds, these of its spans."""
        ...

    async def put_back(self, log: HeldLog, *, at_most: int) -> bool:
        """Makes parts of at most so many entries of what is held back of the log, and holds it back no longer. False,
        and nothing is done, when it is not what is held back by now, or other parts of the log wait. `lock` was
        taken, and the log's tree is locked."""
        ...


class SegmentObjects(Protocol):
    """Segments as objects."""

    async def put(self, name: str, data: bytes) -> None:
        """Returns when the object is stored for good. Raises ObjectsUnavailable."""
        ...

    async def get(self, name: str) -> bytes | None:
        """The object; None when there is none. Raises ObjectsUnavailable."""
        ...

    async def names_from(self, number: int) -> Sequence[str]:
        """Names of the segments with this number and above. Raises ObjectsUnavailable."""
        ...


class Anchors(Protocol):
    """What of the named logs was sent to the platform log."""

    async def claim(self, sizes: Mapping[UUID, int]) -> Collection[UUID]:
        """Notes for each log that the checkpoint of this size is sent; answers those of which no such and no larger
        one was. Their trees are locked by the caller."""
        ...

    async def add(self, anchor: HeadAnchor, *, anchored_at: datetime) -> bool:
        """Stores what was claimed; False when this checkpoint has an anchor, whatever is noted of it."""
        ...

    async def newest(self, log: UUID, *, at_most: int, limit: int) -> Sequence[HeadAnchor]:
        """The largest of at most that size (0: any), the largest first."""
        ...

    async def covering(self, log: UUID, *, size: int, limit: int) -> Sequence[HeadAnchor]:
        """The smallest of at least that size, the smallest first."""
        ...


class CheckpointKeys(Protocol):
    """The keys that checkpoints are signed with, one after the other."""

    async def all(self) -> Sequence[CheckpointKey]:
        """The present one last."""
        ...

    async def is_present(self, key: VerifierKey) -> bool:
        """Whether the key may sign, until the unit of work is over."""
        ...

    async def lock(self) -> None:
        """Nobody signs, and nobody else begins or ends a key, until the unit of work is over."""
        ...

    async def begin(self, key: VerifierKey, *, at: datetime) -> None:
        """It may sign from now on. There is no other that is not retired; `lock` was taken."""
        ...

    async def end(self, key: VerifierKey, *, at: datetime) -> None:
        """It signs nothing any more. `lock` was taken."""
        ...

    async def retire(self, key: VerifierKey, *, event_id: UUID) -> None:
        """Notes the event of the platform log that says that it is over. `end` was called; `lock` was taken."""
        ...


class Receipts(Protocol):
    """Records that were acknowledged."""

    async def claim(self, workspace: UUID, event_id: UUID, *, digest: bytes, now: datetime) -> bytes | None:
        """Claims the event id. None when it was free; else the digest that it was claimed with."""
        ...


class UnitOfWork(Protocol):
    """One transaction over the named logs: all of it happens or nothing."""

    @property
    def entries(self) -> Entries: ...
    @property
    def trees(self) -> Trees: ...
    @property
    def checkpoints(self) -> Checkpoints: ...
    @property
    def anchors(self) -> Anchors: ...
    @property
    def segments(self) -> Segments: ...
    @property
    def keys(self) -> CheckpointKeys: ...
    @property
    def receipts(self) -> Receipts: ...

    async def emit(self, event: Event) -> None:
        """Sends the event if and only if the unit of work commits. Raises EventInvalid (libs.events.envelope)."""
        ...


class UnitsOfWork(Protocol):
    """Begins transactions."""

    def begin(self, logs: Collection[UUID]) -> AbstractAsyncContextManager[UnitOfWork]:
        """A transaction that sees these logs and no other; committed at the end, undone when the body raises."""
        ...


class SubjectLogs(Protocol):
    """Which logs a person is in."""

    async def of(self, subject: UUID) -> Sequence[UUID]:
        """The logs in which the subject acted or was acted on, by id."""
        ...


class Vault(Protocol):
    """The keys that audit seals to, reads and tags with."""

    async def public_key(self, *, subject: UUID, workspace: UUID) -> ReaderPublicKey:
        """Audit's own key of a person in a workspace. Raises PersonErased, KeysUnavailable."""
        ...

    async def tag_key(self, workspace: UUID, day: date) -> bytes | None:
        """The key of the workspace's tags in the month of this day; None when it was destroyed. Raises
        KeysUnavailable."""
        ...

    async def opened(self, entries: Sequence[StoredEntry]) -> Sequence[OpenedEntry]:
        """The entries with the values whose keys still exist. Raises KeysUnavailable."""
        ...
