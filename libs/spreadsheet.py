"""Cells that a spreadsheet shows and does not run. Pure: a domain may import it."""

#: Spreadsheets take a cell that begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def safe(text: str) -> str:
    """The text as a cell: invisible characters by their code, what would be a formula behind an apostrophe."""
    seen = visible(text)
    return f"'{seen}" if text.startswith(_FORMULA) else seen


def visible(text: str) -> str:
    """The text with control, formatting and separating characters by their codes: they forge lines and turn text
    around."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else f"\\u{{{ord(character):04x}}}" for character in text)
