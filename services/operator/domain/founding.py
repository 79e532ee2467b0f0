"""The first operator of a deployment."""

from dataclasses import dataclass, field
from datetime import datetime


class AlreadyFounded(Exception):
    """The platform has, or has had, its first owner."""


class FoundingRefused(Exception):
    """What was given cannot be used. The text says what is wrong with it, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Founding:
    """An open invitation of the first operator."""

    #: Where it is accepted; whoever has it and the invited mailbox becomes the platform's owner.
    link: str = field(repr=False)
    expires_at: datetime
    #: How many earlier invitations it voided.
    voided: int
