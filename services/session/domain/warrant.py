"""What a person authorized datarights to do. docs/formats/warrant.md is the specification of what is signed for it."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

#: For how long warrants are signed for a request that is not over: it must be done in a month, which may be extended by
#: two (GDPR Article 12(3)), and one that is late must still be able to be done.
REQUEST_LIFE = timedelta(days=90)


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """A person's leave for one request."""

    subject: UUID
    request: UUID
    #: "access", "rectification" or "erasure" (wardenry.warrants).
    right: str
