"""Cells that a spreadsheet shows and does not run. Pure: a domain may import it."""

#: Spreadsheets take a cell that begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def safe(text: str) -> str:
    """The text as a cell: invisible characters by their code, what would be a formula behind an apostrophe."""
    # Control, formatting and separating characters forge lines and turn text around.
    visible = "".join(character if character.isprintable() else f"\\u{{{ord(character):04x}}}" for character in text)
    return f"'{visible}" if text.startswith(_FORMULA) else visible
