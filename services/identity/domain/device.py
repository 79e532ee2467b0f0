"""Known devices: browsers that a subject has signed in with."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from libs.crypto.secret_hash import hash_of

TOKEN_BYTES: Final = 32
#: As long as browsers keep a cookie (RFC 6265bis section 5.5).
LIFETIME: Final = timedelta(days=400)


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    subject_id: UUID
    device_id: UUID
    token_hash: bytes
    remembered_at: datetime
    expires_at: datetime


def remember(*, subject_id: UUID, device_id: UUID, token: bytes, now: datetime) -> Device:
    return Device(
        subject_id=subject_id,
        device_id=device_id,
        token_hash=hash_of(token),
        remembered_at=now,
        expires_at=now + LIFETIME,
    )
