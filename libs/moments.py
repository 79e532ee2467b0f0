"""Moments as bytes hold them: whole microseconds since 1970, UTC."""

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def microseconds_of(moment: datetime) -> int:
    """How many went by until then; negative before 1970. What is finer is cut off."""
    return (moment - _EPOCH) // _MICROSECOND


def moment_of(microseconds: int) -> datetime:
    """The moment after so many. Raises OverflowError beyond the years 1 to 9999."""
    return _EPOCH + microseconds * _MICROSECOND
