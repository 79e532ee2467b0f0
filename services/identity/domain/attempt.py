"""What limits guessing: failures against one account slow the next attempt, then lock it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

#: The delay after the first, second, … failure; the last one is the lock-out, and how long failures are remembered.
DELAYS: Final = (*(timedelta(seconds=2**n) for n in range(5)), timedelta(minutes=15))
#: The allowance of everybody who is not known: one for each account.
STRANGERS: Final = UUID(int=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Whose failures are counted together.

    Strangers share one allowance for an account. Each known device has one of its own, so that strangers who lock
    theirs do not lock the owner out; so has the signed-in subject who confirms a password.
    """

    #: Blind index of the typed address. Unknown accounts are counted as known ones are.
    tag: bytes
    #: STRANGERS, a device, or the subject itself.
    allowance: UUID = STRANGERS


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """One attempt, counted before it is made. It stays counted unless it succeeds."""

    account: Account
    #: Which run of failures it was counted in.
    series: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A reserved attempt that failed."""

    retry_after: timedelta
    #: This is the failure that locked the account.
    locks: bool


def delay_after(failures: int) -> timedelta:
    """How long the next attempt has to wait after so many failures, from 1."""
    return DELAYS[min(failures, len(DELAYS)) - 1]
