"""Whose fault it is that a record could not be taken in: the record's, or the database's."""

import asyncpg

#: SQLSTATE classes of what a database answers whatever the record holds: a right, a table or a column is missing, an
#: index is damaged, it is read-only. A record is at fault for others: data (22), constraints (23), sizes (54).
_OF_THE_DATABASE = frozenset({"0A", "25", "26", "2F", "34", "3B", "3D", "3F", "42", "55", "58", "72", "F0", "HV", "XX"})
_CHECK_VIOLATION = "23514"


def is_the_databases(error: Exception) -> bool:
    """Whether any record would have met this error: to set this one aside would lose it for nothing."""
    if not isinstance(error, asyncpg.PostgresError):
        return False
    state = error.sqlstate or ""
    if state == _CHECK_VIOLATION:
        # A constraint has a name. Without one it says that no partition takes the row: its month was not made.
        return getattr(error, "constraint_name", None) is None
    return state[:2] in _OF_THE_DATABASE
