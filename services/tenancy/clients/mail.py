"""Mails invitations, over SMTP (RFC 5321)."""

from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from pathlib import Path

import aiosmtplib
from wardenry.clock import Clock

from libs.ids import Ids
from services.tenancy.domain.invitation import InvitationMail
from services.tenancy.domain.ports import MailFailed

_TEXT = """\
You are invited to the workspace

    {workspace}

as {role}. To accept, sign in or sign up with this address, and open

    {link}

The link works once, for you alone, until {expires:%Y-%m-%d %H:%M} UTC.
If you do not know this workspace, you need not do anything.
"""


class SmtpMailer:
    """Hands over one mail a connection: invitations are rare."""

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

    async def send(self, mail: InvitationMail) -> None:
        message = EmailMessage(policy=SMTP if mail.address.isascii() else SMTPUTF8)
        message["From"] = self._sender
        message["To"] = mail.address
        # The workspace's name is its owner's to choose: it stands in the text, where nobody takes it for ours.
        message["Subject"] = "An invitation to a workspace"
        message["Date"] = format_datetime(self._clock.now())
        message["Message-ID"] = f"<{self._ids.uuid7()}@{self._sender.rpartition('@')[2]}>"
        # RFC 3834: nobody's out-of-office notice needs to answer.
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(
            _TEXT.format(workspace=mail.workspace_name, role=mail.role, link=mail.link, expires=mail.expires_at)
        )
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
            raise MailFailed(type(error).__name__) from error
