"""The SMTP side of the mail catcher: takes everything."""

from aiosmtpd.smtp import SMTP, Envelope, Session

from deploy.local.mail.mailbox import Mailbox


class Receiver:
    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        content = envelope.original_content or b""
        self._mailbox.add(to=list(envelope.rcpt_tos), content=content)
        return "250 Message accepted for delivery"
