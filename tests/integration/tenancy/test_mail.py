"""The mail of an invitation, through a real SMTP server."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from wardenry.permissions import Role

from libs.ids import Uuid7Ids
from services.tenancy.clients.mail import SmtpMailer
from services.tenancy.domain.invitation import InvitationMail
from services.tenancy.domain.ports import MailFailed
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

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
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
        timeout_seconds=5,
    )


def mail(*, address: str = "bob@example.com", workspace_name: str = "Engines") -> InvitationMail:
    return InvitationMail(
        address=address,
        workspace_name=workspace_name,
        role=Role.MANAGER,
        link=LINK,
        expires_at=datetime(2026, 11, 29, 12, tzinfo=UTC),
    )


async def test_the_mail_says_who_invites_to_what_and_holds_the_link(receiver: Receiver) -> None:
    await mailer(receiver.port).send(mail(workspace_name="Café & Söhne"))
    message = receiver.message()
    assert (message["To"], message["From"]) == ("bob@example.com", "no-reply@example.com")
    assert "Café" not in message["Subject"]
    body = message.get_content()
    assert "Café & Söhne" in body
    assert "manager" in body
    assert LINK in body.split()
    assert "2026-11-29 12:00 UTC" in body


async def test_an_international_address_is_mailed_to(receiver: Receiver) -> None:
    await mailer(receiver.port).send(mail(address="bøb@exämple.com"))
    assert receiver.taken[0].rcpt_tos == ["bøb@exämple.com"]


@pytest.mark.parametrize("answer", ["451 later", "550 never"])
async def test_a_refusal_is_a_failure_that_quotes_nothing(receiver: Receiver, answer: str) -> None:
    receiver.answer = f"{answer} <bob@example.com>"
    with pytest.raises(MailFailed) as failure:
        await mailer(receiver.port).send(mail())
    assert "bob" not in str(failure.value)


async def test_nobody_listening_is_a_failure() -> None:
    with pytest.raises(MailFailed):
        await mailer(free_port()).send(mail())
