"""A grant: what a refresh token belongs to, and what a presented one is worth."""

import hmac
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum
from uuid import UUID

from libs.crypto.reader_key import ReaderPublicKey
from services.session.domain.errors import RefreshBusy, RefreshInvalid, RefreshLimited, RefreshReused
from services.session.domain.membership import Standing

#: How long the previous refresh token is answered with the same successor: a lost answer costs nobody a sign-in.
GRACE = timedelta(seconds=10)
#: How often.
GRACE_USES = 3


class Use(Enum):
    """What presenting a refresh token does."""

    #: It is the current one: a new one takes its place.
    ROTATE = "rotate"
    #: It is the previous one, within its grace: the current one is handed out again.
    REPEAT = "repeat"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast a grant may be refreshed: `burst` times at once, then once an `interval` (GCRA)."""

    burst: int
    interval: timedelta

    def wait(self, until: datetime, *, now: datetime) -> timedelta:
        """How long a refresh whose theoretical arrival time is `until` has to wait; it may go from zero down."""
        return until - now - (self.burst - 1) * self.interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A grant as one read of the database found it."""

    #: The database's time of that read.
    read_at: datetime
    subject: UUID
    grant: UUID
    session: UUID
    client_id: str
    audience: str
    workspace: UUID | None
    #: None without a workspace.
    standing: Standing | None
    #: Audit's key for (subject, workspace or platform).
    audit_key: ReaderPublicKey
    device_binding: bytes = field(repr=False)
    seed: bytes = field(repr=False)
    key_version: int
    counter: int
    rotated_at: datetime
    grace_uses: int
    paced_until: datetime
    idle: timedelta
    expires_at: datetime
    #: Whether it or its session has ended.
    ended: bool
    amr: tuple[str, ...]
    acr: str
    authenticated_at: datetime

    def use(self, counter: int, *, device_binding: bytes, pace: Pace) -> Use:
        """What presenting the token of `counter`, already verified, from this device does now.

        Raises RefreshInvalid, RefreshReused (the session is to be ended), RefreshBusy, RefreshLimited.
        """
        if self.ended or self.read_at >= min(self.expires_at, self.rotated_at + self.idle):
            raise RefreshInvalid
        if counter > self.counter:
            # Made under our keys and ahead of the row: of a database that was restored to an earlier state.
            raise RefreshInvalid
        previous = counter == self.counter - 1
        in_grace = previous and self.read_at < self.rotated_at + GRACE
        if counter < self.counter and not in_grace:
            raise RefreshReused
        if not hmac.compare_digest(self.device_binding, device_binding):
            raise RefreshInvalid
        if not previous:
            # The statement that rotates applies to this counter alone, and so to the time that is judged here.
            # Nothing that was judged by a clock that has gone back since is waited for; rotating begins it anew.
            judged = self.rotated_at <= self.read_at
            if judged and (wait := pace.wait(self.paced_until, now=self.read_at)) > timedelta():
                raise RefreshLimited(wait)
            return Use.ROTATE
        if self.grace_uses >= GRACE_USES:
            raise RefreshBusy
        return Use.REPEAT

    def after(self, use: Use, *, key_version: int, standing: Standing | None) -> "Grant":
        """The grant once `use` has been made of it. `key_version` is the server's current one."""
        if use is Use.REPEAT:
            return replace(self, standing=standing, grace_uses=self.grace_uses + 1)
        return replace(
            self,
            standing=standing,
            counter=self.counter + 1,
            key_version=key_version,
            rotated_at=self.read_at,
            grace_uses=0,
        )

    @property
    def refresh_expires_at(self) -> datetime:
        """When its refresh token ends if it is not used."""
        return min(self.rotated_at + self.idle, self.expires_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewGrant:
    """A grant to be stored."""

    subject: UUID
    grant: UUID
    session: UUID
    client_id: str
    audience: str
    workspace: UUID | None
    standing: Standing | None
    audit_key: ReaderPublicKey
    device_binding: bytes = field(repr=False)
    seed: bytes = field(repr=False)
    key_version: int
    idle: timedelta
    absolute: timedelta
