"""How subjects stand to workspaces now: by tenancy's feed where it reaches, else by asking, once for a batch."""

from collections.abc import Sequence
from uuid import UUID

from services.session.domain.errors import DependencyUnavailable
from services.session.domain.grant import Grant
from services.session.domain.membership import Membership, Standing
from services.session.domain.ports import MembershipFeed, Memberships


class Standings:
    """Answers from the feed or from tenancy; never from what is merely old."""

    def __init__(self, *, memberships: Memberships, feed: MembershipFeed) -> None:
        self._memberships = memberships
        self._feed = feed

    async def now(self, grants: Sequence[Grant]) -> Sequence[Standing | DependencyUnavailable | None]:
        """For each grant its standing; None without a workspace, and where the membership has ended. Where neither feed
        nor tenancy can tell, DependencyUnavailable is the answer."""
        answers: list[Standing | DependencyUnavailable | None] = [None] * len(grants)
        asked: dict[int, tuple[UUID, UUID]] = {}
        for position, grant in enumerate(grants):
            if grant.workspace is None or grant.standing is None:
                continue
            told = self._feed.standing(grant.subject, grant.workspace, grant.standing)
            if told.certain:
                answers[position] = told.standing
            else:
                asked[position] = (grant.subject, grant.workspace)
        if asked:
            try:
                found = await self._memberships.get(set(asked.values()))
            except DependencyUnavailable as error:
                answers = [error if position in asked else answer for position, answer in enumerate(answers)]
            else:
                for position, key in asked.items():
                    membership = found.get(key)
                    answers[position] = membership.standing if membership else None
        return answers

    async def member(self, subject: UUID, workspace: UUID) -> Membership | None:
        """The membership, asked for. Raises DependencyUnavailable."""
        return (await self._memberships.get({(subject, workspace)})).get((subject, workspace))

    def told_void(self, subject: UUID, workspace: UUID, epoch: int) -> bool | None:
        """What the feed says of tokens of this membership epoch; None while it is stale."""
        return self._feed.refuses(subject, workspace, epoch)

    async def void(self, epochs: Sequence[tuple[UUID, UUID, int]]) -> Sequence[bool]:
        """Whether tokens of (subject, workspace, membership epoch) are void, asked. Raises DependencyUnavailable."""
        found = await self._memberships.get({(subject, workspace) for subject, workspace, _ in epochs})
        return [
            (subject, workspace) not in found or found[subject, workspace].standing.epoch > epoch
            for subject, workspace, epoch in epochs
        ]
