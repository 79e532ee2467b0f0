"""What a relay knows of the consumers of its events."""

from collections.abc import Mapping
from typing import Protocol

from libs.events.position import Position


class CursorsUnavailable(Exception):
    """A consumer did not say how far it has come."""


class CursorClient(Protocol):
    """One registered consumer. Rows that it has not taken in are kept, and sent again when it stalls."""

    @property
    def name(self) -> str:
        """The consuming service."""
        ...

    async def list_cursors(self, source: str) -> Mapping[int, Position]:
        """What the consumer expects next in each bucket of `source`; a bucket that brought nothing yet is absent.

        Raises CursorsUnavailable, or DatabaseUnavailable when it reads its own table.
        """
        ...
