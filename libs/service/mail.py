"""Mail out, as every service that mails hands it over."""

from libs.mail.mailer import SmtpMailer
from libs.service.parts import Parts
from libs.service.settings import MailSettings


def mailer_of(settings: MailSettings, *, parts: Parts) -> SmtpMailer:
    """Hands mails to the server of the settings."""
    return SmtpMailer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        sender=settings.smtp_sender,
        start_tls=settings.smtp_start_tls,
        ca_file=settings.smtp_ca_file,
        clock=parts.clock,
        ids=parts.ids,
    )
