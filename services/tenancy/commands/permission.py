"""Checking permissions against the database."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.tenancy.domain.membership import MembershipKey
from services.tenancy.domain.ports import Store
from wardenry.permissions import allows


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Whether a subject holds a permission in a workspace."""

    key: MembershipKey
    permission: str


class PermissionCommands:
    """Answers questions of services that hold no token of the subject."""

    def __init__(self, *, store: Store) -> None:
        self._store = store

    async def check(self, questions: Sequence[Question]) -> list[bool]:
        """The answers, in this order, by the memberships as they are now. What is unknown is "no"."""
        keys = list(dict.fromkeys(question.key for question in questions))
        async with self._store.begin(workspaces={key.workspace for key in keys}, standing="member") as work:
            roles = await work.memberships.roles(keys)
        return [allows(roles.get(question.key), question.permission) for question in questions]
