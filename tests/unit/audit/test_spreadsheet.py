"""CSV cells that spreadsheets show and do not run."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.events import event
from libs.spreadsheet import safe
from services.audit.domain.spreadsheet import COLUMNS, heading


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("", ""),
        ("plain", "plain"),
        ("a=b", "a=b"),
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@x", "'@x"),
        ("＝1", "'＝1"),
        ("\t=1", "'\\u{0009}=1"),
        ("\r=1", "'\\u{000d}=1"),
        ("a\nb", "a\\u{000a}b"),
        ("a\x1b[31m", "a\\u{001b}[31m"),
        ("a\u202eb", "a\\u{202e}b"),
        ("a\u2028b", "a\\u{2028}b"),
        ("a\x00b", "a\\u{0000}b"),
        ("Zoë Ω 猫", "Zoë Ω 猫"),
    ],
)
def test_cells(text: str, cell: str) -> None:
    assert safe(text) == cell


@given(st.text())
def test_no_cell_begins_a_formula_or_hides_a_character(text: str) -> None:
    cell = safe(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert cell.isprintable()


def test_the_heading_is_one_line() -> None:
    assert heading().decode() == ",".join(COLUMNS) + "\r\n"


def test_every_value_that_an_event_may_hold_has_its_column() -> None:
    fields = {name: value for name, value in vars(event).items() if name.isupper() and isinstance(value, str)}
    assert {"IP_ADDRESS", "PREVIOUS_NAME"} <= set(fields)
    assert {f"{person}_{field}" for person in ("actor", "target") for field in fields.values()} <= set(COLUMNS)
