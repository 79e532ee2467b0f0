"""Mail, handed to a server by SMTP (RFC 5321)."""

from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from pathlib import Path

import aiosmtplib

from libs.ids import Ids
from libs.mail.mail import Mail, MailRefused, MailUnavailable
from wardenry.clock import Clock


class SmtpMailer:
    """Hands over one mail a connection: mails are rare."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        sender: str,
        start_tls: bool,
        ca_file: Path | None,
        clock: Clock,
        ids: Ids,
        timeout_seconds: float = 10.0,
    ) -> None:
        """`start_tls` demands STARTTLS with a certificate that `ca_file`, else the system's list, vouches for."""
        self._host = host
        self._port = port
        self._sender = sender
        self._start_tls = start_tls
        self._ca_file = ca_file
        self._clock = clock
        self._ids = ids
        self._timeout = timeout_seconds

    async def send(self, mail: Mail) -> None:
        international = not mail.recipient.isascii()
        message = EmailMessage(policy=SMTPUTF8 if international else SMTP)
        message["From"] = self._sender
        message["To"] = mail.recipient
        message["Subject"] = mail.subject
        message["Date"] = format_datetime(self._clock.now())
        message["Message-ID"] = f"<{self._ids.uuid7()}@{self._sender.rpartition('@')[2]}>"
        # RFC 3834: nobody's out-of-office notice needs to answer.
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(mail.text)
        try:
            await aiosmtplib.send(
                message,
                hostname=self._host,
                port=self._port,
                start_tls=self._start_tls,
                cert_bundle=str(self._ca_file) if self._ca_file else None,
                timeout=self._timeout,
            )
        except (aiosmtplib.SMTPException, OSError) as error:
            # The server's own text may quote the address.
            failure = MailRefused if _is_final(error) else MailUnavailable
            raise failure(type(error).__name__) from error


def _is_final(error: Exception) -> bool:
    """Whether the same mail will be refused again. A refusal before the mail itself (of the sender, of TLS) is about
    the settings, and passes once they are mended."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return all(recipient.code >= 500 for recipient in error.recipients)
    return isinstance(error, aiosmtplib.SMTPDataError) and error.code >= 500
