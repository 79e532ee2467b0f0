"""What a database would answer to any record is not the record's fault."""

import asyncpg
import pytest

from libs.db.errors import DatabaseUnavailable
from libs.events.errors import RecordRejected
from libs.events.fault import is_the_databases


@pytest.mark.parametrize(
    "state",
    ["42501", "42P01", "42703", "42883", "XX001", "XX002", "25006", "58030", "0A000", "55000", "3F000"],
)
def test_rights_tables_and_damage_are_the_databases(state: str) -> None:
    assert is_the_databases(asyncpg.PostgresError.new({"S": "ERROR", "C": state, "M": "text"}))


@pytest.mark.parametrize("state", ["22001", "22021", "23502", "23505", "54000", "P0001"])
def test_data_and_constraints_are_the_records(state: str) -> None:
    assert not is_the_databases(asyncpg.PostgresError.new({"S": "ERROR", "C": state, "M": "text"}))


def test_a_row_without_a_partition_is_told_from_one_that_a_constraint_refuses() -> None:
    fields = {"S": "ERROR", "C": "23514", "M": "text"}
    assert is_the_databases(asyncpg.PostgresError.new(fields))
    assert not is_the_databases(asyncpg.PostgresError.new({**fields, "n": "entry_leaf"}))


@pytest.mark.parametrize("error", [ArithmeticError(), RecordRejected("x"), DatabaseUnavailable("x")])
def test_errors_of_the_code_are_none_of_these(error: Exception) -> None:
    assert not is_the_databases(error)
