"""The demo's telling: fits a terminal, is one line a fact in a file, and carries nothing out."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from deploy.local.demo.narration import Column, Narrator, Sheet, counted
from tests.support.clock import HeldClock

FACT = "Ana is 01a202cc-87b0-7c45-bcc5-2ecfc2fcb66b, and " + "so on " * 30
LOG = Sheet(
    title="The log",
    columns=(
        Column(heading="#", right=True),
        Column(heading="action"),
        Column(heading="address", optional=True),
        Column(heading="agent", optional=True),
    ),
    rows=[("0", "invitation.accepted", "127.0.0.1", "Firefox/145"), ("1", "user.login", "127.0.0.1", "Safari")],
)


def told(width: int, *, wraps: bool, fact: str = FACT) -> tuple[list[str], Narrator]:
    out = io.StringIO()
    narrator = Narrator(console=Console(file=out, width=width), clock=HeldClock(), wraps=wraps)
    with narrator.step("People sign up"):
        narrator.fact(fact)
        narrator.show(LOG)
    return out.getvalue().splitlines(), narrator


@pytest.mark.parametrize(
    ("number", "things", "said"),
    [
        (1, "requests", "1 request"),
        (1, "entries", "1 entry"),
        (1, "account", "1 account"),
        (0, "memberships", "0 memberships"),
        (1200, "entries", "1,200 entries"),
    ],
)
def test_one_is_no_plural(number: int, things: str, said: str) -> None:
    assert counted(number, things) == said


def test_how_a_table_is_read_stands_below_it() -> None:
    out = io.StringIO()
    narrator = Narrator(console=Console(file=out, width=80), clock=HeldClock())
    with narrator.step("The log is read"):
        narrator.show(replace(LOG, note="In the order of arrival."))
    assert out.getvalue().splitlines()[-1] == "In the order of arrival."


@pytest.mark.parametrize("width", [40, 80, 100, 140])
def test_nothing_is_wider_than_the_terminal_and_what_is_broken_stays_indented(width: int) -> None:
    lines, _ = told(width, wraps=True)
    assert max(map(len, lines)) <= width
    facts = lines[1 : lines.index("")]
    assert all(line.startswith("    ") for line in facts)
    # A word that is longer than a line is broken too.
    assert "".join(facts).replace(" ", "") == FACT.replace(" ", "")


def test_in_a_file_a_fact_is_one_line() -> None:
    lines, _ = told(80, wraps=False)
    assert lines[1] == f"    {FACT}".rstrip()


@pytest.mark.parametrize(
    ("width", "shown"), [(23, 2), (24, 2), (33, 3), (34, 3), (46, 4), (200, 4)], ids=lambda value: str(value)
)
def test_a_table_leaves_out_what_does_not_fit_and_may_be_left_out(width: int, shown: int) -> None:
    assert list(LOG.fitting(width)) == list(range(shown))


def test_programs_get_every_column() -> None:
    _, narrator = told(30, wraps=True)
    (table,) = narrator.steps[0]["tables"]
    assert table["rows"][0] == {
        "#": "0",
        "action": "invitation.accepted",
        "address": "127.0.0.1",
        "agent": "Firefox/145",
    }


def test_no_text_is_carried_out() -> None:
    lines, _ = told(80, wraps=True, fact="a\x1b]0;b\x07\x1b[2J\x9b31m[red]c")
    assert all(character.isprintable() for line in lines for character in line)
    assert any("[red]c" in line for line in lines)
