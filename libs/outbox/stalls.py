"""Noticing that a consumer does not get what it waits for."""

from collections.abc import Mapping
from dataclasses import dataclass

from libs.events.position import BEFORE_ALL, Position


@dataclass(slots=True, kw_only=True)
class _Watch:
    position: Position
    since: float
    patience: float


class Stalls:
    """One consumer's cursors over time.

    A cursor behind the head that has not moved for a while has stalled: the record it waits for was numbered and never
    sent, or the broker lost it. If sending again does not move it, the next time comes later, twice as late each time.
    """

    def __init__(self, *, after: float, most: float = 60.0) -> None:
        """`after` and `most` are the first and the longest time, in seconds, that a cursor may stand still."""
        self._after = after
        self._most = most
        self._watched: dict[int, _Watch] = {}

    def stalled(
        self, cursors: Mapping[int, Position], heads: Mapping[int, Position], *, now: float
    ) -> dict[int, Position]:
        """The buckets to send again, and from which position; `now` in seconds, monotonic."""
        again = {}
        for bucket, head in heads.items():
            position = cursors.get(bucket, BEFORE_ALL)
            if position >= head or head.number == 0:
                self._watched.pop(bucket, None)
                continue
            watch = self._watched.get(bucket)
            if watch is None or watch.position != position:
                self._watched[bucket] = _Watch(position=position, since=now, patience=self._after)
            elif now - watch.since >= watch.patience:
                watch.since, watch.patience = now, min(watch.patience * 2, self._most)
                again[bucket] = position
        return again
