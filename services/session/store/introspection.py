"""Judging tokens by the database."""

from collections.abc import Sequence

from libs.db.pool import Database
from services.session.domain.ports import Judgement

_JUDGE = "SELECT entry FROM judge_sessions($1, $2, $3)"


class PostgresJudge:
    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def live(self, judgements: Sequence[Judgement]) -> Sequence[bool]:
        rows = await self._database.fetch(
            _JUDGE,
            [each.subject for each in judgements],
            [each.session for each in judgements],
            [each.subject_epoch for each in judgements],
        )
        good = {row["entry"] for row in rows}
        return [position in good for position in range(1, len(judgements) + 1)]
