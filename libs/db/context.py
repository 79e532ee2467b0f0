"""What a transaction may see, as a value."""

from dataclasses import dataclass
from typing import Literal, get_args
from uuid import UUID

Standing = Literal["", "member", "administrator"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The set that row security compares every row with, for one transaction.

    The empty context sees no tenant row. A request names the one workspace of its verified token; a batch names
    exactly the ids that it verified.
    """

    workspaces: frozenset[UUID] = frozenset()
    subjects: frozenset[UUID] = frozenset()
    standing: Standing = ""

    def __post_init__(self) -> None:
        if self.standing not in get_args(Standing):
            raise ValueError("the standing is '', 'member' or 'administrator'")

    def begin(self) -> str:
        """The statements that open a transaction bound to this context, sent as one message.

        Simple-protocol text takes no parameters, so the values stand in it: hexadecimal digits and hyphens, which
        is all that `str` of a UUID gives, and one of three words. All three settings are always set, so that
        nothing of the connection's past shows through.
        """
        return (
            f"BEGIN; SET LOCAL wardenry.workspaces = '{_joined(self.workspaces)}';"
            f"SET LOCAL wardenry.subjects = '{_joined(self.subjects)}';"
            f"SET LOCAL wardenry.standing = '{self.standing}'"
        )


def _joined(ids: frozenset[UUID]) -> str:
    return ",".join(str(UUID(bytes=each.bytes)) for each in ids)
