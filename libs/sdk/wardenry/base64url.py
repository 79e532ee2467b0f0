"""base64url without padding (RFC 4648 section 5), in which tokens and secrets are written.

Bytes have one spelling: who compares, counts or revokes a text must not meet the same token in another one.
"""

import base64
import binascii

#: From the letters of RFC 4648 section 5 to those of section 4, which the decoder reads; the latter's own become none.
_LETTERS = bytes.maketrans(b"-_+/=", b"+/!!!")
#: What the last letter may be, by how many letters stand behind the last whole four. One alone is no byte; of two and
#: of three the last has bits that no byte takes (RFC 4648 section 3.5): others than zeros would be a second spelling.
_LAST = (None, b"", b"AQgw", b"AEIMQUYcgkosw048")


class Base64UrlInvalid(ValueError):
    """The text is not what `encode` writes."""


def encode(value: bytes) -> str:
    """The text of these bytes."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def decode(text: str | bytes) -> bytes:
    """The bytes that `encode` writes as `text`. Raises Base64UrlInvalid for any other text."""
    letters = text.encode(errors="replace") if isinstance(text, str) else text
    last = _LAST[len(letters) % 4]
    if last is not None and letters[-1] not in last:
        raise Base64UrlInvalid("not the spelling that there is of it")
    try:
        return binascii.a2b_base64(letters.translate(_LETTERS) + b"=" * (-len(letters) % 4), strict_mode=True)
    except binascii.Error:
        raise Base64UrlInvalid("not base64url without padding") from None
