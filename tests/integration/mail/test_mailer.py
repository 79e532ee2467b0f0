"""Mail through a real SMTP server."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from libs.ids import Uuid7Ids
from libs.mail.mail import Mail, MailFailed, MailRefused, MailUnavailable
from libs.mail.mailer import SmtpMailer
from tests.support.clock import HeldClock
from tests.support.entropy import CountedEntropy
from tests.support.ports import free_port

LINK = "https://localhost:8443/invitations/0192f0c0-0000-7000-8000-000000000001#" + "A" * 43


@dataclass
class Receiver:
    """Takes mails, or answers what it is told to."""

    port: int
    answer: str = "250 OK"
    taken: list[Envelope] = field(default_factory=list)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        if self.answer.startswith("250"):
            self.taken.append(envelope)
        return self.answer

    def message(self) -> EmailMessage:
        (envelope,) = self.taken
        message = message_from_bytes(envelope.original_content or b"", policy=default)
        assert isinstance(message, EmailMessage)
        return message


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver(port=free_port())
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(receiver, enable_SMTPUTF8=True, hostname="localhost", loop=loop), "127.0.0.1", receiver.port
    )
    async with server:
        yield receiver


def mailer(port: int) -> SmtpMailer:
    clock = HeldClock()
    return SmtpMailer(
        host="127.0.0.1",
        port=port,
        sender="no-reply@example.com",
        start_tls=False,
        ca_file=None,
        clock=clock,
        ids=Uuid7Ids(clock=clock, entropy=CountedEntropy()),
        timeout_seconds=60,
    )


def mail(recipient: str = "bob@example.com") -> Mail:
    return Mail(recipient=recipient, subject="An invitation", text=f"Café & Söhne\n\n    {LINK}\n")


async def test_the_mail_arrives_as_it_was_written(receiver: Receiver) -> None:
    await mailer(receiver.port).send(mail())
    message = receiver.message()
    assert (message["To"], message["From"]) == ("bob@example.com", "no-reply@example.com")
    assert message["Subject"] == "An invitation"
    assert message["Auto-Submitted"] == "auto-generated"
    body = message.get_content()
    assert "Café & Söhne" in body
    assert LINK in body.split()


async def test_an_international_address_is_mailed_to(receiver: Receiver) -> None:
    await mailer(receiver.port).send(mail("bøb@exämple.com"))
    assert receiver.taken[0].rcpt_tos == ["bøb@exämple.com"]


@pytest.mark.parametrize(("answer", "error"), [("451 later", MailUnavailable), ("550 never", MailRefused)])
async def test_a_refusal_is_a_failure_that_quotes_nothing(
    receiver: Receiver, answer: str, error: type[MailFailed]
) -> None:
    receiver.answer = f"{answer} <bob@example.com>"
    with pytest.raises(error) as failure:
        await mailer(receiver.port).send(mail())
    assert "bob" not in str(failure.value)


async def test_nobody_listening_is_a_failure() -> None:
    with pytest.raises(MailUnavailable):
        await mailer(free_port()).send(mail())
