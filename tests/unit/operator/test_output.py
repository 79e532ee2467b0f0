"""What is shown on a terminal: text, whoever wrote it."""

import pytest
import typer
from rich.text import Text

from services.operator.terminal.exits import Exit
from services.operator.terminal.output import fail, show, show_json, show_whole, table, troubles

#: Sets the title, clears the screen, rings, goes back over the line, turns the text around.
HOSTILE = "a\x1b]0;b\x07\x1b[2J\x9b31m\r\b\u202ec"


def is_harmless(text: str) -> bool:
    return text.isascii() is False and all(each.isprintable() or each == "\n" for each in text)


@pytest.mark.parametrize("part", [HOSTILE, Text(HOSTILE), *troubles([("tenancy", HOSTILE)])])
def test_no_text_is_carried_out(part: str | Text, capsys: pytest.CaptureFixture[str]) -> None:
    rows = table("part")
    rows.add_row(part)
    show(part, rows)
    shown = capsys.readouterr().out
    assert is_harmless(shown)
    assert shown.count("a") >= 2


def test_nor_is_a_line_that_is_copied_nor_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    show_whole(f"https://{HOSTILE}")
    with pytest.raises(typer.Exit):
        fail(f"Refused: {HOSTILE}\nand more", Exit.REFUSED)
    shown = capsys.readouterr()
    assert is_harmless(shown.out)
    assert is_harmless(shown.err)
    assert shown.err.count("\n") == 1


def test_programs_get_all_of_it_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    show_json({"name": HOSTILE})
    shown = capsys.readouterr().out
    assert all(each.isprintable() or each == "\n" for each in shown)
    assert "\\u001b" in shown


def test_what_is_text_stays_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    show("Grüße, 世界", Text("zwei\nZeilen"))
    assert capsys.readouterr().out == "Grüße, 世界\nzwei\nZeilen\n"
