"""Access tokens for tests, as objects."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from wardenry.permissions import Role
from wardenry.tokens import AccessToken

SUBJECT = UUID("0192f0c0-0000-7000-8000-000000000001")
WORKSPACE = UUID("0192f0c0-0000-7000-8000-000000000002")
SESSION = UUID("0192f0c0-0000-7000-8000-000000000003")
TOKEN_ID = UUID("0192f0c0-0000-7000-8000-000000000004")


def access_token(**changes: Any) -> AccessToken:
    """A token of an owner, issued now, with what the test changes; times as datetimes."""
    now = datetime.now(UTC)
    times = {"auth_time": now, "issued_at": now, "expires_at": now + timedelta(minutes=10)}
    times |= {name: changes.pop(name) for name in times.keys() & changes.keys()}
    claims: dict[str, Any] = {
        "issuer": "https://localhost:8443",
        "audience": ("wardenry",),
        "subject": SUBJECT,
        "workspace": WORKSPACE,
        "session": SESSION,
        "client": "gateway",
        "role": Role.OWNER,
        "scope_values": "",
        "amr": ("pwd",),
        "acr": "aal1",
        "auth_seconds": int(times["auth_time"].timestamp()),
        "subject_epoch": 1,
        "membership_epoch": 1,
        "issued_seconds": int(times["issued_at"].timestamp()),
        "expires_seconds": int(times["expires_at"].timestamp()),
        "token_id": TOKEN_ID,
    }
    return AccessToken(**{**claims, **changes})
