"""Lengths of time, as people say them."""

from datetime import timedelta

_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


def age(length: timedelta) -> str:
    """In the largest unit of which there are two at least: "3 minutes". Nothing negative: clocks differ a little."""
    seconds = max(0, int(length.total_seconds()))
    for name, size in _UNITS:
        if seconds >= 2 * size:
            return f"{seconds // size} {name}s"
    return f"{seconds} second{'' if seconds == 1 else 's'}"
