"""What the mail of an invitation says."""

from datetime import UTC, datetime

from services.tenancy.domain.mail import invitation_mail
from wardenry.permissions import Role

LINK = "https://localhost:8443/invitations/0192f0c0-0000-7000-8000-000000000001#" + "A" * 43


def test_the_mail_says_who_invites_to_what_and_holds_the_link() -> None:
    mail = invitation_mail(
        recipient="bob@example.com",
        workspace_name="Café & Söhne",
        role=Role.MANAGER,
        link=LINK,
        expires_at=datetime(2026, 11, 29, 12, tzinfo=UTC),
    )
    assert mail.recipient == "bob@example.com"
    assert "Café" not in mail.subject
    assert "Café & Söhne" in mail.text
    assert "manager" in mail.text
    assert LINK in mail.text.split()
    assert "2026-11-29 12:00 UTC" in mail.text
    assert LINK not in repr(mail)
