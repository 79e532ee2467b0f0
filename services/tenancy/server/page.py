"""Pages: how many, and where the next one begins."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from libs.moments import microseconds_of, moment_of
from services.tenancy.domain.errors import PageTokenInvalid
from wardenry import base64url
from wardenry.framing import frame, unframe

_DEFAULT_SIZE = 50


class Position(NamedTuple):
    """The last row of the page before."""

    last: UUID
    #: Its time, in lists that are ordered by time.
    at: datetime | None


def size_of(asked: int) -> int:
    return asked or _DEFAULT_SIZE


def token_of(listed: str, last: UUID, at: datetime | None = None) -> str:
    """Where the next page of this list begins: after the last row shown. It tells nothing that the page did not, and
    a forged one shows no more than the list does."""
    position = b"" if at is None else microseconds_of(at).to_bytes(8, "big")
    return base64url.encode(frame(listed.encode(), last.bytes, position))


def position_of(listed: str, token: str) -> Position | None:
    """What `token_of` was given; None at the beginning. Raises PageTokenInvalid for another list's token."""
    if not token:
        return None
    try:
        name, last, position = unframe(base64url.decode(token), count=3)
        if name != listed.encode() or len(position) not in (0, 8):
            raise PageTokenInvalid
        at = moment_of(int.from_bytes(position, "big")) if position else None
        return Position(UUID(bytes=last), at)
    except (ValueError, OverflowError) as error:
        raise PageTokenInvalid from error
