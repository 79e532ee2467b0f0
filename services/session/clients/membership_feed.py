"""Tenancy's feed of memberships, as this process has heard it."""

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from services.session.domain.membership import Standing
from services.session.domain.ports import FeedAnswer
from wardenry.clock import Clock
from wardenry.lease import Lease
from wardenry.tenancy.v1 import membership_pb2

#: Changes kept in memory. With more, the feed reaches no further back, and older standings are asked for.
_MOST_CHANGES: Final = 200_000
_UNCERTAIN = FeedAnswer(certain=False)


class HeardMemberships:
    """Each change heard of since `covered_from`, in tenancy's time. Epochs never fall, so a snapshot adds to what
    is known and nothing has to be forgotten first."""

    def __init__(self, *, clock: Clock, most_changes: int = _MOST_CHANGES) -> None:
        self.lease = Lease(clock=clock)
        self._clock = clock
        self._most_changes = most_changes
        self._changes: dict[tuple[UUID, UUID], tuple[int, str]] = {}
        self._covered_from: datetime | None = None

    def apply(self, message: membership_pb2.WatchMembershipsResponse) -> None:
        """Takes one message in."""
        if message.snapshot:
            # Between two streams something may have been missed that is older than the snapshot reaches.
            self._covered_from = None
        for change in message.changes:
            key = (UUID(bytes=change.subject), UUID(bytes=change.workspace))
            known = self._changes.get(key)
            if known is None or known[0] <= change.epoch:
                self._changes[key] = (change.epoch, change.role)
        if len(self._changes) > self._most_changes:
            self._changes.clear()
            self._covered_from = None
        if message.complete:
            if message.HasField("covered_from"):
                self._covered_from = message.covered_from.ToDatetime(UTC)
            self.lease.renew(message.echo)

    def standing(self, subject: UUID, workspace: UUID, known: Standing) -> FeedAnswer:
        if not self._is_fresh():
            return _UNCERTAIN
        changed = self._changes.get((subject, workspace))
        if changed is not None and changed[0] >= known.epoch:
            epoch, role = changed
            if not role:
                return FeedAnswer(certain=True)
            return FeedAnswer(certain=True, standing=Standing(role=role, epoch=epoch, checked_at=known.checked_at))
        if self._covered_from is None or known.checked_at < self._covered_from:
            return _UNCERTAIN
        return FeedAnswer(certain=True, standing=known)

    def refuses(self, subject: UUID, workspace: UUID, epoch: int) -> bool | None:
        # A living token was issued within the time that every snapshot reaches back.
        if not self._is_fresh() or self._covered_from is None:
            return None
        changed = self._changes.get((subject, workspace))
        return changed is not None and (epoch < changed[0] or (epoch == changed[0] and not changed[1]))

    def _is_fresh(self) -> bool:
        return self.lease.is_fresh(self._clock.monotonic())
