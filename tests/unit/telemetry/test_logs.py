"""What logs say, and what they never do."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from libs.telemetry import trace_context
from libs.telemetry.logs import configure
from libs.telemetry.redaction import REDACTED, summary


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    stream = io.StringIO()
    configure(service="session", level="info", stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_says_what_happened_where(stream: io.StringIO) -> None:
    entered = trace_context.enter(trace_context.TraceContext(trace_id=0xABC, span_id=1, sampled=False))
    structlog.stdlib.get_logger("test").info("relay.sent", rows=3)
    trace_context.leave(entered)
    (line,) = lines(stream)
    assert (line["event"], line["rows"], line["level"], line["service"]) == ("relay.sent", 3, "info", "session")
    assert line["trace_id"] == f"{0xABC:032x}"


@pytest.mark.parametrize(
    "field",
    ["password", "access_token", "refresh_token", "ip_address", "user_agent", "e_mail", "display_name",
     "session_cookie", "code", "dsn", "Authorization", "ticket"],
)  # fmt: skip
def test_fields_of_these_names_are_never_written(stream: io.StringIO, field: str) -> None:
    structlog.stdlib.get_logger("test").info("x", **{field: "p4ssw0rd", "nested": {field: "p4ssw0rd"}})
    assert "p4ssw0rd" not in stream.getvalue()
    assert lines(stream)[0][field] == REDACTED


@pytest.mark.parametrize(
    "secret",
    ["eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIxIn0.c2ln", "ada@example.org", "203.0.113.7", "2001:db8:0:1::7",
     "2001:db8::1", "::ffff:203.0.113.7", "fe80::1", "::1", "Bearer abcdef",
     "postgresql://session:hunter2@db.example.org/session"],
)  # fmt: skip
def test_texts_that_look_like_one_are_never_written(stream: io.StringIO, secret: str) -> None:
    structlog.stdlib.get_logger("test").warning("said %s", secret, detail=f"from {secret} again", items=[secret])
    logging.getLogger("a.library").error("could not %s", secret)
    try:
        raise ValueError(f"bad {secret}")
    except ValueError:
        structlog.stdlib.get_logger("test").exception("failed")
    assert len(lines(stream)) == 3
    assert secret not in stream.getvalue()
    assert "hunter2" not in stream.getvalue()


def test_a_text_of_any_length_costs_little(stream: io.StringIO) -> None:
    structlog.stdlib.get_logger("test").info("x" * 1_000_000, detail="x" * 1_000_000)
    assert len(stream.getvalue()) < 10_000


def test_an_error_is_its_type_and_place_without_what_it_quotes(stream: io.StringIO) -> None:
    error = KeyError("Ada Lovelace")
    assert summary(error) == "KeyError: …"
    driver = ValueError('duplicate key in "members"\nDETAIL: Key (name)=(Ada) exists.')
    assert summary(driver) == "ValueError: duplicate key in …"
    try:
        raise driver
    except ValueError:
        structlog.stdlib.get_logger("test").exception("failed")
    (line,) = lines(stream)
    assert line["error"] == summary(driver)
    assert any("test_logs.py" in frame for frame in line["frames"])
    assert "Ada" not in stream.getvalue()


def test_below_the_level_nothing_is_written(stream: io.StringIO) -> None:
    structlog.stdlib.get_logger("test").debug("x")
    logging.getLogger("x").debug("y")
    assert stream.getvalue() == ""
