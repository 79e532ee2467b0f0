"""What destroyed keys leave behind in the vault's files, for a while."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

#: Remains that are older than this are told about again and again: something keeps them.
LATE: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remains:
    """Keys that one transaction destroyed, and whose bytes some file may still hold."""

    id: int
    destroyed_at: datetime
    #: Whether the tables were rewritten since, so that WAL alone may hold them.
    rewritten: bool
