"""What a person authorized datarights to do. docs/formats/warrant.md is the specification of what is signed for it."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

#: How long a request may take, and so for how long warrants are signed for it.
REQUEST_LIFE = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """A person's leave for one request."""

    subject: UUID
    request: UUID
    #: "access", "rectification" or "erasure" (wardenry.warrants).
    right: str
