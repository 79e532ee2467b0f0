"""What session does as time goes by."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from wardenry.clock import Clock

from libs.crypto.errors import SealBroken
from libs.db.errors import DatabaseUnavailable
from libs.events.patience import Patience
from services.session.commands.signing_key import RotateSigningKeys, SigningKeyMissing, SigningKeySet
from services.session.domain.ports import Past

_log = logging.getLogger(__name__)

#: Seconds between looks at the signing keys: well within the time that a retired key stays published for late learners.
_KEYS = 20.0
_REVOCATIONS = 10.0
_SESSIONS = 600.0
_READINESS = 2.0


class Upkeep:
    """Keeps signing keys in rotation, forgets what is over, and says whether the database answers."""

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
        """Forgets sessions a day after their end."""

        async def once() -> None:
            while await self._past.forget_sessions():
                pass

        await self._every(_SESSIONS, "old sessions", once)

    async def readiness(
        self, answers: Callable[[], Awaitable[object]], tell: Callable[[bool], Awaitable[None]]
    ) -> None:
        """Tells, for ever, whether the database answers and there is a key to sign with."""
        while True:
            try:
                await answers()
                ready = self._keys.loaded
            except DatabaseUnavailable:
                ready = False
            await tell(ready)
            await asyncio.sleep(_READINESS if ready else _READINESS / 10)

    async def _every(self, seconds: float, what: str, once: Callable[[], Awaitable[None]]) -> None:
        patience = Patience(what=what, log=_log, clock=self._clock)
        while True:
            try:
                await once()
                patience.over()
            except (DatabaseUnavailable, SigningKeyMissing, SealBroken) as error:
                await patience.wait(error)
            else:
                await asyncio.sleep(seconds)
