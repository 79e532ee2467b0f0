"""What was revoked, as far as tokens still live that could be presented."""

from collections import OrderedDict
from uuid import UUID

from wardenry.clock import Clock
from wardenry.lease import Lease
from wardenry.session.v1.revocation_pb2 import WatchRevocationsResponse
from wardenry.tokens import LONGEST_LIFE, AccessToken

#: Seconds to remember: no token issued before a revocation outlives it.
REMEMBERED = LONGEST_LIFE + 30


class RevocationSet:
    """Revoked sessions and least epochs. What was revoked stays so: a snapshot adds, and age alone removes.

    (Forgetting at the beginning of a snapshot would let a revoked token through until the snapshot is complete.)
    """

    def __init__(self, *, clock: Clock) -> None:
        self.lease = Lease(clock=clock)
        self._clock = clock
        self._sessions: OrderedDict[UUID, float] = OrderedDict()
        self._epochs: OrderedDict[UUID, tuple[int, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._sessions) + len(self._epochs)

    def apply(self, response: WatchRevocationsResponse) -> None:
        """Take in one message of the feed, and renew the lease by it."""
        now = self._clock.monotonic()
        for revocation in response.revocations:
            if revocation.WhichOneof("subject_matter") == "session":
                self.revoke_session(UUID(bytes=revocation.session))
            else:
                epoch = revocation.subject_epoch
                self.raise_epoch(UUID(bytes=epoch.subject), epoch.epoch)
        self._forget(now)
        if response.complete:
            self.lease.renew(response.echo)

    def revoke_session(self, session: UUID) -> None:
        self._sessions[session] = self._clock.monotonic() + REMEMBERED
        self._sessions.move_to_end(session)

    def raise_epoch(self, subject: UUID, epoch: int) -> None:
        known, _ = self._epochs.get(subject, (0, 0.0))
        self._epochs[subject] = (max(known, epoch), self._clock.monotonic() + REMEMBERED)
        self._epochs.move_to_end(subject)

    def refuses(self, token: AccessToken) -> bool:
        """Whether the token's session has ended or its subject's epoch has risen."""
        if token.session in self._sessions:
            return True
        known = self._epochs.get(token.subject)
        return known is not None and token.subject_epoch < known[0]

    def _forget(self, now: float) -> None:
        while self._sessions and next(iter(self._sessions.values())) <= now:
            self._sessions.popitem(last=False)
        while self._epochs and next(iter(self._epochs.values()))[1] <= now:
            self._epochs.popitem(last=False)
