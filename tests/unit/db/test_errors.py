"""What the driver raises becomes "later" or "never", or stays the statement's own error."""

import asyncpg
import pytest

from libs.db.errors import DatabaseRefused, DatabaseUnavailable, translated, translating


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(),
        TimeoutError(),
        asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
        asyncpg.AdminShutdownError("terminating connection due to administrator command"),
        asyncpg.CrashShutdownError("terminating connection because of crash of another server process"),
        asyncpg.CannotConnectNowError("the database system is starting up"),
        asyncpg.InterfaceError("connection is closed"),
        # What the driver says to a statement between the server's good-bye and the end of the connection.
        asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress"),
    ],
)
def test_a_lost_connection_is_for_later(error: Exception) -> None:
    assert isinstance(translated(error), DatabaseUnavailable)


@pytest.mark.parametrize("error", [asyncpg.InvalidPasswordError("no"), asyncpg.InvalidCatalogNameError("no")])
def test_wrong_settings_are_told_apart(error: Exception) -> None:
    assert isinstance(translated(error), DatabaseRefused)


@pytest.mark.parametrize("error", [asyncpg.UniqueViolationError("twice"), asyncpg.InterfaceError("wrong arguments")])
def test_a_statement_keeps_its_own_error(error: Exception) -> None:
    assert translated(error) is None


def test_inside_a_block_the_driver_fails_in_our_words() -> None:
    with pytest.raises(DatabaseUnavailable) as unavailable, translating():
        raise ConnectionRefusedError
    assert isinstance(unavailable.value.__cause__, ConnectionRefusedError)
    with pytest.raises(asyncpg.UniqueViolationError), translating():
        raise asyncpg.UniqueViolationError("twice")
