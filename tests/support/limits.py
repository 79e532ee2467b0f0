"""Limits for tests that are about something else."""

from datetime import timedelta

from libs.rpc.limits import COUNTED, Limits


class Unlimited:
    """Lets every call pass. Satisfies libs.rpc.limits.Limit."""

    async def take(self, key: str) -> timedelta | None:
        return None


UNLIMITED: Limits = dict.fromkeys(COUNTED, Unlimited())
