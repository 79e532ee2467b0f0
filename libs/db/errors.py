"""What a database call may raise besides the errors of the statement itself."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg


class DatabaseUnavailable(Exception):
    """The database cannot be reached, or did not answer in time. Nothing was committed, unless the connection was
    lost during the commit itself; the same call may succeed later. Carries no text of the driver."""


class DatabaseRefused(Exception):
    """The database does not accept this role, password or database name. Waiting does not help; settings do."""


_UNAVAILABLE = (
    asyncpg.PostgresConnectionError,  # class 08, and a connection closed under a running statement
    asyncpg.OperatorInterventionError,  # class 57: shutting down, starting up, statement cancelled by its time-out
    asyncpg.InsufficientResourcesError,  # class 53: too many connections, out of memory, disk full
    asyncpg.LockNotAvailableError,  # lock_timeout
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TransactionTimeoutError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.ReadOnlySQLTransactionError,  # a standby that has not been promoted yet
    asyncpg.InvalidCachedStatementError,  # a migration changed what a prepared statement answers; it is prepared anew
    asyncpg.InternalClientError,  # a statement for a connection that has just read the server's good-bye
)
_REFUSED = (
    asyncpg.InvalidAuthorizationSpecificationError,  # class 28: role, password
    asyncpg.InvalidCatalogNameError,
)


def translated(error: BaseException) -> Exception | None:
    """The exception to raise in place of `error`, a failure of the driver; None for errors of the statement."""
    if isinstance(error, _REFUSED):
        return DatabaseRefused(f"the database refused the connection: {type(error).__name__}")
    if isinstance(error, _UNAVAILABLE):
        return DatabaseUnavailable(f"the database is unavailable: {type(error).__name__}")
    # asyncpg raises its InterfaceError, told apart by its text alone, when a statement is given to a connection that
    # was closed or has gone back to its pool; and plain OSError or TimeoutError when it cannot connect.
    closed = isinstance(error, asyncpg.InterfaceError) and ("closed" in str(error) or "released" in str(error))
    if closed or isinstance(error, OSError | TimeoutError | EOFError):
        return DatabaseUnavailable(f"the database is unavailable: {type(error).__name__}")
    return None


@contextmanager
def translating() -> Iterator[None]:
    """Raises `DatabaseUnavailable` or `DatabaseRefused` in place of the driver's failures inside."""
    try:
        yield
    except Exception as error:
        raised = translated(error)
        if raised is None:
            raise
        raise raised from error
