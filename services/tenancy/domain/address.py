"""E-mail addresses, in the one form that they are compared in."""

import string
import unicodedata

from services.tenancy.domain.errors import AddressInvalid

MAX_LENGTH = 254
MAX_LOCAL_LENGTH = 64
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def normalised(address: str) -> str:
    """The address with its domain in ASCII (IDNA) and ASCII letters in lower case; other characters of the local part
    stay, so that no two mailboxes fall together.

    Raises AddressInvalid.
    """
    text = unicodedata.normalize("NFC", address.strip())
    local, at, domain = text.rpartition("@")
    if not at or not 0 < len(local.encode()) <= MAX_LOCAL_LENGTH or "@" in local:
        raise AddressInvalid
    if any(character.isspace() or unicodedata.category(character).startswith("C") for character in text):
        raise AddressInvalid
    if any(character in '",:;<>()[]\\' for character in text):
        raise AddressInvalid
    try:
        host = domain.encode("idna").decode("ascii").translate(_LOWER)
    except UnicodeError:
        raise AddressInvalid from None
    labels = host.split(".")
    if len(labels) < 2 or not all(_is_label(label) for label in labels):
        raise AddressInvalid
    whole = f"{local.translate(_LOWER)}@{host}"
    if len(whole.encode()) > MAX_LENGTH:
        raise AddressInvalid
    return whole


def _is_label(label: str) -> bool:
    allowed = string.ascii_lowercase + string.digits + "-"
    return (
        0 < len(label) <= 63
        and all(character in allowed for character in label)
        and not label.startswith("-")
        and not label.endswith("-")
    )
