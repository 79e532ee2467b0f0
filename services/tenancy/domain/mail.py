"""What is mailed."""

from datetime import datetime

from libs.mail.mail import Mail
from wardenry.permissions import Role

_TEXT = """\
You are invited to the workspace

    {workspace}

as {role}. To accept, sign in or sign up with this address, and open

    {link}

The link works once, for you alone, until {expires:%Y-%m-%d %H:%M} UTC.
If you do not know this workspace, you need not do anything.
"""


def invitation_mail(*, recipient: str, workspace_name: str, role: Role, link: str, expires_at: datetime) -> Mail:
    """`link` carries the secret in its fragment, which browsers keep to themselves."""
    return Mail(
        recipient=recipient,
        # The workspace's name is its owner's to choose: it stands in the text, where nobody takes it for ours.
        subject="An invitation to a workspace",
        text=_TEXT.format(workspace=workspace_name, role=role, link=link, expires=expires_at),
    )
