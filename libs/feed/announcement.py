"""What one transaction announces by a feed, and the moment at which everybody knows."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from libs.db.transaction import Transaction
from libs.feed.snapshot import Snapshot

#: Resolved when the clients of this process know a read that began later, with what those of each other process knew
#: at that read.
Known = asyncio.Future[Sequence[Snapshot]]


class OwnFeed(Protocol):
    """The feed of this process, for those who change what it tells."""

    def hurry(self) -> Known:
        """To be called when a change has committed: has the next read begin now."""
        ...

    async def settled(self, transaction: int | None, known: Known) -> None:
        """Waits until no client, whichever process it follows, judges by less than what this transaction changed, which
        had committed before `hurry` gave `known`; None stands for all that had committed then, whoever did it.

        Never waits longer than a lease lasts, whatever fails: a client that has not confirmed by then has none.
        """
        ...


class Announcement:
    """What one transaction tells of itself, once it has committed."""

    def __init__(self, *, tx: Transaction, feed: OwnFeed) -> None:
        self._tx = tx
        self._feed = feed
        self._transaction: int | None = None
        self._known: Known | None = None

    def made(self, transaction: int) -> None:
        """The transaction, of this id, has written a row that the feed will tell."""
        if self._transaction is None:
            self._transaction = transaction
            self._tx.after_commit(self._committed)

    def _committed(self) -> None:
        # At once, so that the read which begins while the connection goes back to its pool serves already.
        self._known = self._feed.hurry()

    async def settled(self) -> None:
        """To be awaited when the transaction has committed, and before that is acknowledged."""
        await self._feed.settled(self._transaction, self._known or self._feed.hurry())
