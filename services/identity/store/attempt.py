"""Failures against accounts. The tables' functions count; see migrations/0002_flow.sql."""

from datetime import datetime

from libs.db.transaction import Transaction
from services.identity.domain.attempt import DELAYS, Account, Failure, Reservation, delay_after
from services.identity.domain.errors import AuthenticationDelayed


class PostgresAttempts:
    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def reserve(self, account: Account, *, now: datetime) -> Reservation:
        row = await self._tx.fetchrow(
            "SELECT reserved, refused_until FROM reserve_attempt($1, $2, $3, $4)",
            account.tag,
            account.allowance,
            now,
            DELAYS,
        )
        assert row is not None  # noqa: S101 - the function returns exactly one row
        if row["reserved"] is None:
            raise AuthenticationDelayed(row["refused_until"] - now)
        return Reservation(account=account, series=row["reserved"])

    async def fail(self, reservation: Reservation, *, now: datetime) -> Failure:
        row = await self._tx.fetchrow(
            "SELECT counted, locks FROM fail_attempt($1, $2, $3, $4, $5)",
            reservation.account.tag,
            reservation.account.allowance,
            reservation.series,
            now,
            DELAYS,
        )
        assert row is not None  # noqa: S101 - the function returns exactly one row
        return Failure(retry_after=delay_after(row["counted"]), locks=row["locks"])

    async def clear(self, account: Account) -> None:
        await self._tx.execute("SELECT clear_attempts($1, $2)", account.tag, account.allowance)
