"""Each error of each domain is told by its service's table, and each reason that can be told is documented with a
sample."""

import importlib
import inspect
import json
import re
from pathlib import Path
from types import ModuleType

import grpc
import pytest
from google.protobuf import json_format
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped] # googleapis ships no types

from libs.db.errors import DatabaseUnavailable
from libs.rpc.errors import ErrorRow, ErrorTable, rendered
from wardenry.errors.error import TYPES
from wardenry.errors.v1 import reason_pb2

ROOT = Path(__file__).parents[2]
SERVICES = sorted(path.parent.parent.name for path in ROOT.glob("services/*/domain/errors.py"))
REASONS = [value.name for value in reason_pb2.Reason.DESCRIPTOR.values if value.number]


def table_of(service: str) -> ErrorTable:
    table: ErrorTable = importlib.import_module(f"services.{service}.server.errors").ERRORS
    return table


def errors_in(module: ModuleType) -> list[type[Exception]]:
    """The exceptions that a module defines."""
    return [
        each
        for _, each in inspect.getmembers(module, inspect.isclass)
        if issubclass(each, Exception) and each.__module__ == module.__name__
    ]


def without_a_row(errors: list[type[Exception]], table: ErrorTable) -> list[str]:
    return [error.__name__ for error in errors if not any(kind in table for kind in error.__mro__)]


def test_the_services_are_found() -> None:
    assert {"identity", "session", "tenancy", "audit"} <= set(SERVICES)


@pytest.mark.parametrize("service", SERVICES)
def test_every_error_of_the_domain_has_a_row(service: str) -> None:
    errors = errors_in(importlib.import_module(f"services.{service}.domain.errors"))
    assert errors
    assert without_a_row(errors, table_of(service)) == []


def test_an_error_without_a_row_is_found() -> None:
    class Forgotten(Exception):
        pass

    row = ErrorRow(code=grpc.StatusCode.NOT_FOUND, reason=reason_pb2.REASON_NOT_FOUND, text="x")
    assert without_a_row([Forgotten, KeyError], {LookupError: row}) == ["Forgotten"]
    assert rendered(Forgotten("secret"), {}) is None


@pytest.mark.parametrize("service", SERVICES)
def test_a_database_that_is_away_is_told_with_when_to_come_back(service: str) -> None:
    told = rendered(DatabaseUnavailable("of the driver"), table_of(service))
    assert told is not None
    assert (told.code, told.reason) == (grpc.StatusCode.UNAVAILABLE, reason_pb2.REASON_DEPENDENCY_UNAVAILABLE)
    assert told.retry_after
    assert "driver" not in told.message


@pytest.mark.parametrize("service", SERVICES)
def test_no_row_has_a_code_that_its_reason_is_not_documented_with(service: str) -> None:
    for error, row in table_of(service).items():
        reason = reason_pb2.Reason.Name(row.reason)
        assert row.code in TYPES, error
        assert sample_of(reason).code == row.code.value[0], f"{error.__name__} is told as {row.code.name} {reason}"
        assert row.text, error


def sample_of(reason: str) -> status_pb2.Status:
    """The sample on docs/errors.md."""
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    section = rf"^## {reason}\n\n`([A-Z_]+)`\. [^\n]+\n\n```json\n(.+?)\n```$"
    found = re.search(section, page, flags=re.MULTILINE | re.DOTALL)
    assert found is not None, f"docs/errors.md does not show {reason}"
    status = json_format.ParseDict(json.loads(found[2]), status_pb2.Status())
    assert status.code == grpc.StatusCode[found[1]].value[0], f"{reason}: text and sample name different codes"
    return status


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_is_documented_with_a_sample_of_itself(reason: str) -> None:
    status = sample_of(reason)
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (info.reason, info.domain) == (reason, "wardenry")
    assert status.message
