"""Mail that waits, on its way to the mail server."""

from typing import Final

from libs.crypto.key_owner import Destroyed
from libs.mail.mail import Mailer, MailRefused, MailUnavailable
from services.identity.domain import place
from services.identity.domain.mail import from_bytes
from services.identity.domain.ports import MailQueue, PersonalData
from wardenry.clock import Clock

_BATCH: Final = 20


class DeliverMail:
    """Delivers what is due. A mail whose acceptance was not written down for a crash is sent again."""

    def __init__(self, *, queue: MailQueue, personal_data: PersonalData, mailer: Mailer, clock: Clock) -> None:
        self._queue = queue
        self._personal_data = personal_data
        self._mailer = mailer
        self._clock = clock

    async def all(self) -> None:
        """Delivers until nothing is due. Raises MailUnavailable."""
        while await self.batch():
            pass

    async def batch(self) -> int:
        """How many mails were due. Raises MailUnavailable once the mail server did not take one; the rest stay due."""
        due = await self._queue.take(now=self._clock.now(), most=_BATCH)
        contents = await self._personal_data.open(
            [(mail.data_key, place.mail_content(mail.mail_id), mail.content) for mail in due]
        )
        unavailable: MailUnavailable | None = None
        for mail, content in zip(due, contents, strict=True):
            if not isinstance(content, Destroyed):
                try:
                    await self._mailer.send(from_bytes(content))
                except MailUnavailable as error:
                    unavailable = error
                    continue
                except MailRefused:
                    # No server will ever take it, and nobody waits for an answer: whether an address works is told to
                    # nobody but its owner.
                    pass
            await self._queue.remove(mail.mail_id)
        if unavailable is not None:
            raise unavailable
        return len(due)
