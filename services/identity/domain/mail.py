"""What is mailed. Nothing that a stranger typed stands in a text, so nobody can send theirs through us."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from libs.crypto.key_owner import KeyReference
from libs.mail.mail import Mail

#: A mail that nobody took by then is of no use: its code has expired.
LIFETIME: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingMail:
    """A mail that waits for the mail server, as it is stored."""

    mail_id: UUID
    #: A sealed Mail, place "outgoing_mail.content".
    content: bytes
    #: The visitor key that it is sealed under.
    data_key: KeyReference
    #: Of no use after.
    expires_at: datetime


def to_bytes(mail: Mail) -> bytes:
    """The mail, to be sealed."""
    return json.dumps([mail.recipient, mail.subject, mail.text]).encode()


def from_bytes(content: bytes) -> Mail:
    """The other way round."""
    recipient, subject, text = json.loads(content)
    return Mail(recipient=recipient, subject=subject, text=text)


def code_mail(*, recipient: str, code: str) -> Mail:
    return Mail(
        recipient=recipient,
        subject="Your code to sign up",
        text=(
            f"Your code is {code}.\n\n"
            "Enter it in the browser that you signed up with, within 10 minutes. It works there alone, and once.\n\n"
            "If it was not you who signed up: do nothing. Without the code no account is made.\n"
        ),
    )


def known_address_mail(*, recipient: str, origin: str) -> Mail:
    """For an address that has an account already. `origin` is the configured one, never a header's."""
    return Mail(
        recipient=recipient,
        subject="You have an account already",
        text=(
            "Somebody tried to sign up with your address. It has an account already, and nothing was changed.\n\n"
            f"If it was you: sign in at {origin}\n"
            "If it was not: there is nothing to do.\n"
        ),
    )
