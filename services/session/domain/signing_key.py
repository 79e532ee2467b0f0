"""The keys that access tokens are signed with, and when they change.

A key is published as `next` long before it signs, signs as `current`, and stays published as `retired` until the last
token that it signed has ended. So no validator meets a token whose key it could not have known, nor accepts one whose
key is gone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

#: Replicas learn of a rotation within this time; a retired key may have signed so much longer.
LEARNING = timedelta(minutes=1)
#: A next key is published at least so long before it signs.
PUBLISHED_AHEAD = timedelta(hours=1)


class KeyState(Enum):
    """Where a key is in its life."""

    NEXT = "next"
    CURRENT = "current"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A key as it is stored."""

    #: JWK thumbprint (RFC 7638).
    key_id: str
    state: KeyState
    public: bytes
    #: By the key provider.
    private_wrapped: bytes = field(repr=False)
    #: By the database's clock, as the others; none before it is stored.
    created_at: datetime | None = None
    current_from: datetime | None = None
    retired_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationPlan:
    """What the rotation job has to do now."""

    #: Make a key that becomes current at once: there is none at all.
    begin: bool = False
    #: Retire the current key and make the next one current.
    advance: bool = False
    #: Make a next key.
    prepare: bool = False
    #: Retired keys whose last token has ended.
    forget: tuple[str, ...] = ()


def plan(keys: Sequence[SigningKey], *, now: datetime, period: timedelta, token_life: timedelta) -> RotationPlan:
    """What brings these keys to where they should be."""
    current = next((key for key in keys if key.state is KeyState.CURRENT), None)
    following = next((key for key in keys if key.state is KeyState.NEXT), None)
    forget = tuple(
        key.key_id for key in keys if key.retired_at is not None and now >= key.retired_at + token_life + LEARNING
    )
    if current is None:
        return RotationPlan(begin=True, prepare=following is None, forget=forget)
    due = current.current_from is not None and now >= current.current_from + period
    since = following.created_at if following is not None else None
    published = since is not None and now >= since + PUBLISHED_AHEAD
    advance = due and published
    return RotationPlan(advance=advance, prepare=following is None or advance, forget=forget)
