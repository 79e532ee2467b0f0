"""Check: how long the call may take. Around the handler: what is past its deadline is ended, for nobody waits."""

#: Seconds for a call whose caller named none.
DEFAULT = 5.0
#: Seconds, whatever the caller named. Streams are exempt: they end with their caller.
LONGEST = 30.0


def seconds_for(remaining: float | None) -> float:
    """How long to work, given what the caller's deadline leaves; None when it has none."""
    return DEFAULT if remaining is None else max(0.0, min(remaining, LONGEST))
