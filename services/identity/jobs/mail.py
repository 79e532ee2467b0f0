"""Mail goes out as it comes in."""

import asyncio
import logging
from typing import Final

from libs.db.errors import DatabaseUnavailable
from libs.events.patience import Patience
from libs.mail.mail import MailUnavailable
from services.identity.commands.mail import DeliverMail
from wardenry.clock import Clock

#: Seconds between looks at an empty queue: how long a code waits at most.
_PAUSE: Final = 0.5
_log = logging.getLogger(__name__)


class MailJob:
    def __init__(self, *, deliver: DeliverMail, clock: Clock) -> None:
        self._deliver = deliver
        self._patience = Patience(what="mail", log=_log, clock=clock)

    async def run(self) -> None:
        """Delivers until cancelled; waits while the mail server or the database is down."""
        while True:
            try:
                delivered = await self._deliver.run()
                self._patience.over()
            except (MailUnavailable, DatabaseUnavailable) as error:
                await self._patience.wait(error)
                continue
            except Exception as error:
                # Whatever one round met: the next one may not.
                _log.exception("%s: a round failed", __name__)
                await self._patience.wait(error)
                continue
            if not delivered:
                await asyncio.sleep(_PAUSE)
