"""What the mail catcher shows is what was sent, and nothing in a mail becomes markup."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from deploy.local.mail import mailbox as mailbox_module
from deploy.local.mail.mailbox import Mailbox
from deploy.local.mail.web import application, linked
from tests.support.clock import HeldClock

CONTENT = "From: Wardenry <no-reply@localhost>\r\nSubject: Dein Code f\u00fcr <b>\r\n\r\nCode 123456\r\n".encode()


@pytest.fixture
def mailbox(tmp_path: Path) -> Mailbox:
    return Mailbox(directory=tmp_path / "mail", clock=HeldClock())


def test_a_mail_is_found_by_the_address_that_it_was_delivered_to(mailbox: Mailbox) -> None:
    mailbox.add(to=["alice@example.com"], content=CONTENT)
    mailbox.add(to=["bob@example.com"], content=CONTENT)
    (mail,) = mailbox.mails(to="Alice@Example.com")
    assert (mail.to, mail.text.strip()) == (("alice@example.com",), "Code 123456")
    assert mail.received_at == HeldClock().now()
    assert [mail.to[0] for mail in mailbox.mails()] == ["bob@example.com", "alice@example.com"]


def test_the_oldest_make_room(mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox_module, "CAPACITY", 2)
    for number in range(4):
        mailbox.add(to=[f"{number}@example.com"], content=CONTENT)
    assert [mail.to[0] for mail in mailbox.mails()] == ["3@example.com", "2@example.com"]


def test_links_are_links_and_everything_else_is_text() -> None:
    assert linked('<script> see https://localhost/a?b=1&c="x".') == (
        '&lt;script&gt; see <a href="https://localhost/a?b=1&amp;c=">https://localhost/a?b=1&amp;c=</a>&#34;x&#34;.'
    )


def test_another_sites_name_reads_nothing(mailbox: Mailbox) -> None:
    mailbox.add(to=["alice@example.com"], content=CONTENT)
    client = TestClient(application(mailbox), base_url="http://localhost")
    assert client.get("/messages").json()[0]["to"] == ["alice@example.com"]
    assert "&lt;b&gt;" in client.get("/").text
    assert client.get("/messages", headers={"Host": "attacker.example"}).status_code == 400
