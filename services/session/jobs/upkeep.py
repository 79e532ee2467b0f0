"""What session does as time goes by."""

import logging
from collections.abc import Awaitable, Callable

from libs.crypto.errors import SealBroken
from libs.service.periodic import Periodic
from services.session.commands.signing_key import RotateSigningKeys, SigningKeyMissing, SigningKeySet
from services.session.domain.ports import Past
from wardenry.clock import Clock

_log = logging.getLogger(__name__)

#: Seconds between looks at the signing keys: well within the time that a retired key stays published for late learners.
_KEYS = 20.0
_REVOCATIONS = 10.0
_SESSIONS = 600.0


class Upkeep:
    """Keeps signing keys in rotation, and forgets what is over."""

    def __init__(
        self, *, rotate: RotateSigningKeys, keys: SigningKeySet, past: Past, remembered: float, clock: Clock
    ) -> None:
        """A revocation is kept for `remembered` seconds."""
        self._rotate = rotate
        self._keys = keys
        self._past = past
        self._remembered = remembered
        self._clock = clock

    async def signing_keys(self) -> None:
        """Rotates what is due, and has this process know the outcome."""

        async def once() -> None:
            if await self._rotate():
                _log.info("signing keys have changed")
            await self._keys.reload()

        await self._every(_KEYS, "signing keys", once)

    async def revocations(self) -> None:
        """Forgets revocations that no living token is concerned by."""

        async def once() -> None:
            await self._past.forget_revocations(older_seconds=self._remembered)

        await self._every(_REVOCATIONS, "old revocations", once)

    async def sessions(self) -> None:
        """Forgets sessions a day after their end, and what was authorized for requests that are long over."""

        async def once() -> None:
            while await self._past.forget_sessions():
                pass
            await self._past.forget_warrants()

        await self._every(_SESSIONS, "old sessions", once)

    async def _every(self, seconds: float, what: str, once: Callable[[], Awaitable[None]]) -> None:
        outages = (SigningKeyMissing, SealBroken)
        await Periodic(name=what, work=once, seconds=seconds, clock=self._clock, outages=outages).run()
