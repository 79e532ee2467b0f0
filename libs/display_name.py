"""Names that people choose and others read, in pages, mails and logs. Pure: a domain may import it."""

import unicodedata
from typing import Final

#: Control, format, private and unassigned characters, and those that end a line or paragraph.
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


class NotDisplayable(ValueError):
    """The name is empty, too long, or holds characters that cannot be shown."""


def displayable(name: str, *, longest: int) -> str:
    """The name in NFC, without white space around it, at most `longest` characters. What would forge a line, command a
    terminal or turn the text around it is refused. Raises NotDisplayable."""
    clean = unicodedata.normalize("NFC", name).strip()
    if not 0 < len(clean) <= longest or any(unicodedata.category(character) in _INVISIBLE for character in clean):
        raise NotDisplayable
    return clean
