"""What is mailed, and the port of who mails it."""

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One mail, in clear."""

    recipient: str = field(repr=False)
    subject: str
    text: str = field(repr=False)


class MailFailed(Exception):
    """The mail server did not take the mail. The text quotes nothing of the mail or of the server's answer."""


class MailUnavailable(MailFailed):
    """It may take it later."""


class MailRefused(MailFailed):
    """It never will."""


class Mailer(Protocol):
    async def send(self, mail: Mail) -> None:
        """Returns when the mail server has taken it. Raises MailRefused when it never will, else MailUnavailable."""
        ...
