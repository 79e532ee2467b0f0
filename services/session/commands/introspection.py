"""Judging access tokens by the database, for validators whose own knowledge is stale."""

from collections.abc import Sequence
from typing import Protocol

from wardenry.errors.error import Unauthenticated
from wardenry.tokens import AccessToken

from services.session.commands.batch import Batch, BatchFull
from services.session.commands.standing import Standings
from services.session.domain.errors import DependencyUnavailable
from services.session.domain.ports import Judge, Judgement


class TokenReader(Protocol):
    """Reads access tokens by the signing keys alone."""

    def read(self, token: str) -> AccessToken:
        """The claims of a token that this issuer signed and that has not expired, for whatever audience.

        Raises Unauthenticated.
        """
        ...


class Introspect:
    """Says whether a token is good now. The database is asked after each call came in, never a cache: once a revocation
    was acknowledged, no later call is answered otherwise."""

    def __init__(
        self, *, reader: TokenReader, judge: Judge, standings: Standings, batch_size: int = 256, tick: float = 0.001
    ) -> None:
        self._reader = reader
        self._judge = judge
        self._standings = standings
        self._batch: Batch[AccessToken, bool] = Batch(work=self._carry_out, size=batch_size, tick=tick)

    async def __call__(self, token: str) -> AccessToken | None:
        """The token if it is good, else None. Raises DependencyUnavailable when that cannot be told."""
        try:
            read = self._reader.read(token)
        except Unauthenticated:
            return None
        try:
            return read if await self._batch.submit(read) else None
        except BatchFull:
            raise DependencyUnavailable("session") from None

    async def _carry_out(self, tokens: Sequence[AccessToken]) -> Sequence[bool | Exception]:
        answers: list[bool | Exception] = list(
            await self._judge.live(
                [
                    Judgement(subject=token.subject, session=token.session, subject_epoch=token.subject_epoch)
                    for token in tokens
                ]
            )
        )
        in_workspaces = [
            (position, (token.subject, token.workspace, token.membership_epoch or 0))
            for position, token in enumerate(tokens)
            if answers[position] is True and token.workspace is not None
        ]
        if not in_workspaces:
            return answers
        try:
            void = await self._standings.void([key for _, key in in_workspaces])
        except DependencyUnavailable as error:
            for position, _ in in_workspaces:
                answers[position] = error
            return answers
        for (position, _), is_void in zip(in_workspaces, void, strict=True):
            answers[position] = not is_void
        return answers
