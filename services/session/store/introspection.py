"""Judging tokens by the database."""

from collections.abc import Sequence

from libs.db.pool import Database
from services.session.domain.ports import Judged

_JUDGE = "SELECT entry FROM judge_sessions($1, $2, $3)"


class PostgresJudge:
    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def live(self, tokens: Sequence[Judged]) -> Sequence[bool]:
        rows = await self._database.fetch(
            _JUDGE,
            [token.subject for token in tokens],
            [token.session for token in tokens],
            [token.subject_epoch for token in tokens],
        )
        good = {row["entry"] for row in rows}
        return [position in good for position in range(1, len(tokens) + 1)]
