"""An event as the domain states it: what happened, who did it to what, and whose personal values belong to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Final, Literal, NamedTuple
from uuid import UUID

from libs.crypto.reader_key import ReaderPublicKey

#: Names of the fields that are sealed and committed to, the only places for personal data in an event.
IP_ADDRESS: Final = "ip_address"
USER_AGENT: Final = "user_agent"
DEVICE_FINGERPRINT: Final = "device_fingerprint"
#: An e-mail address.
ADDRESS: Final = "address"
NAME: Final = "name"
#: What a name was before it was corrected.
PREVIOUS_NAME: Final = "previous_name"

#: A personal value longer than this is cut: a user agent is the client's to choose, and must not stop an event.
MAX_VALUE_BYTES: Final = 1024

Role = Literal["actor", "target"]


class ActorKind(Enum):
    """Who can act."""

    #: Somebody who holds no factor yet.
    VISITOR = "visitor"
    #: A person or service account.
    SUBJECT = "subject"
    #: A service of the deployment, on its own account.
    SERVICE = "service"


class Outcome(Enum):
    """How it ended."""

    SUCCESS = "success"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """The one who acted."""

    kind: ActorKind
    #: The subject; none for visitors and services.
    id: UUID | None = None
    session: UUID | None = None
    #: OAuth client id, or the service's name.
    client: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What was acted on."""

    #: A noun: "session", "workspace", "invitation", "subject", or a product's record type.
    kind: str
    #: Ours are UUIDs; a product's record has an id of at most 128 bytes.
    id: UUID | bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalValues:
    """One person's values in the event, to be sealed to audit's key for that person in that log."""

    role: Role
    #: Audit's key of (subject, workspace), or the visitor key of (log, day) until a factor holds.
    reader_key: ReaderPublicKey
    #: By field name. Empty values are unknown and are left out.
    values: Mapping[str, str] = field(repr=False)


class SearchTags(NamedTuple):
    """What can be searched for without being read. libs.events.search_tags makes them."""

    network: bytes = b""
    device: bytes = b""
    #: ISO 3166-1 alpha-2, upper case.
    country: str = ""
    #: Of an address that was typed at a failed sign-in.
    address: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectEpochRaised:
    """Every token and ticket of the subject with a lower epoch is void."""

    subject: UUID
    epoch: int
    #: The one session that survives.
    keep_session: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipChanged:
    """A membership's role changed or it ended."""

    subject: UUID
    workspace: UUID
    epoch: int
    #: The role now; empty when the membership has ended.
    role: str


Payload = SubjectEpochRaised | MembershipChanged


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One entry of a log, before it is frozen."""

    event_id: UUID
    #: The log: a workspace's id, or libs.ids.PLATFORM.
    log: UUID
    #: "noun.verb", as in wardenry.events.v1.Action, or a product's own under "record.".
    action: str
    occurred_at: datetime
    actor: Actor
    outcome: Outcome = Outcome.SUCCESS
    target: Target | None = None
    #: Why, in one lower-case word.
    reason: str = ""
    #: Never personal: details stay in the leaf for ever, in clear.
    details: Mapping[str, str] = field(default_factory=dict)
    #: At most one for each role.
    personal: tuple[PersonalValues, ...] = ()
    tags: SearchTags | None = None
    #: What other services act on, beside the log.
    payload: Payload | None = None


def recordable(value: str) -> str:
    """The value as it is recorded: valid Unicode, at most MAX_VALUE_BYTES of UTF-8, a cut marked by an ellipsis."""
    encoded = value.encode(errors="replace")
    if len(encoded) > MAX_VALUE_BYTES:
        return encoded[: MAX_VALUE_BYTES - len("…".encode())].decode(errors="ignore") + "…"
    return encoded.decode()
