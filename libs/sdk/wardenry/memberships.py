"""Which memberships changed, as far as tokens still live that could be presented."""

from collections import OrderedDict
from uuid import UUID

from wardenry.clock import Clock
from wardenry.lease import Lease
from wardenry.revocations import REMEMBERED
from wardenry.tenancy.v1.membership_pb2 import WatchMembershipsResponse
from wardenry.tokens import AccessToken


class MembershipSet:
    """Epochs of changed memberships. An epoch never falls: a snapshot adds, and age alone removes."""

    def __init__(self, *, clock: Clock) -> None:
        self.lease = Lease(clock=clock)
        self._clock = clock
        self._changed: OrderedDict[tuple[UUID, UUID], tuple[int, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._changed)

    def apply(self, response: WatchMembershipsResponse) -> None:
        """Take in one message of the feed, and renew the lease by it."""
        for change in response.changes:
            # An ended membership's own epoch is no longer good either; a later one, of a new invitation, is.
            least = change.epoch if change.role else change.epoch + 1
            self.raise_epoch(UUID(bytes=change.subject), UUID(bytes=change.workspace), least)
        now = self._clock.monotonic()
        while self._changed and next(iter(self._changed.values()))[1] <= now:
            self._changed.popitem(last=False)
        if response.complete:
            self.lease.renew(response.echo)

    def raise_epoch(self, subject: UUID, workspace: UUID, least: int) -> None:
        """Refuse tokens of this membership below the epoch `least`."""
        key = (subject, workspace)
        known, _ = self._changed.get(key, (0, 0.0))
        self._changed[key] = (max(known, least), self._clock.monotonic() + REMEMBERED)
        self._changed.move_to_end(key)

    def refuses(self, token: AccessToken) -> bool:
        """Whether the token's membership has changed or ended since it was issued. One without workspace has none."""
        if token.workspace is None:
            return False
        known = self._changed.get((token.subject, token.workspace))
        return known is not None and (token.membership_epoch or 0) < known[0]
