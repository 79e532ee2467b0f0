"""Operations: what each call of the JSON API takes and answers, said once.

Requests are read by it (`routing.py`), and the description of the API is made from it (`services/gateway/description`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Generic, TypeVar, cast

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from services.gateway.edge.body import FieldType

Answer = TypeVar("Answer")


class Acting(Enum):
    """For whom a call acts, and so which cookies it needs."""

    #: Anybody.
    NOBODY = "nobody"
    #: The signed-in person.
    PERSON = "person"
    #: The signed-in person in the workspace that the path names.
    MEMBER = "member"


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """A field of a body or a parameter of a query."""

    #: How it is written: in a body by JSON's types, in a query as text.
    kind: FieldType = "string"
    required: bool = True
    #: The field of a contract whose rules and comment are its own; None where it is the gateway's.
    rule: FieldDescriptor | None = None
    #: The values that there are, where they are named; empty: any that the rule allows.
    choices: tuple[str, ...] = ()
    #: In place of the contract's comment.
    description: str = ""
    #: Keywords of JSON Schema beside those of the rule.
    schema: Mapping[str, object] = field(default_factory=dict)


def ruled(
    message: type[Message],
    name: str,
    *,
    required: bool = True,
    choices: tuple[str, ...] = (),
    description: str = "",
) -> Input:
    """What is passed on in the field `name` of `message`, and judged by its rules."""
    rule = cast(FieldDescriptor, message.DESCRIPTOR.fields_by_name[name])
    kind: FieldType = "boolean" if rule.type == FieldDescriptor.TYPE_BOOL else "string"
    return Input(kind=kind, required=required, rule=rule, choices=choices, description=description)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation(Generic[Answer]):
    """A call: method, path, what it takes, what it answers."""

    #: Its name in the description, which programs may be generated from: it stays.
    name: str
    method: str
    #: As Starlette writes it: `/api/v1/workspaces/{workspace_id}`.
    path: str
    #: What it does, in a few words.
    summary: str
    description: str = ""
    acting: Acting = Acting.NOBODY
    #: Whether it counts against the lower rate, of what checks a guessable secret or sends mail.
    authentication: bool = False
    #: Fields of the JSON object; None: it takes no body.
    body: Mapping[str, Input] | None = None
    query: Mapping[str, Input] = field(default_factory=dict)
    #: A message, a struct, None for an empty answer; Response for a file.
    answer: type[Answer]
    status: int = 200
    #: Media types of a file.
    media: tuple[str, ...] = ()
    #: Cache-Control of what it answers; empty: nothing is kept (`edge/headers.py`).
    cache: str = ""
    #: The RPCs that it makes, by full name: their rules say why it can be refused.
    rpcs: tuple[str, ...] = ()
    #: Reasons that it is refused for, beside those that its inputs, its RPCs and their contracts tell.
    refusals: tuple[str, ...] = ()

    @property
    def safe(self) -> bool:
        """Whether it changes nothing (RFC 9110 section 9.2.1), and so needs neither Origin nor CSRF token."""
        return self.method == "GET"

    @property
    def required(self) -> Mapping[str, FieldType]:
        """The fields that a body must have."""
        return {name: each.kind for name, each in (self.body or {}).items() if each.required}

    @property
    def optional(self) -> Mapping[str, FieldType]:
        """The fields that it may have beside them."""
        return {name: each.kind for name, each in (self.body or {}).items() if not each.required}
