"""Secrets from files: read when they are needed, never kept in settings."""

from pathlib import Path

_KEY_BYTES = 32


class SecretInvalid(Exception):
    """A secret's file does not hold what it should. The text names the file, never the content."""


def read_text(path: Path) -> str:
    """A secret of one line, such as a connection URL, without the white space around it. Raises
    SecretInvalid, OSError."""
    try:
        text = path.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError:
        raise SecretInvalid(f"{path} is not text") from None
    if not text or "\n" in text:
        raise SecretInvalid(f"{path} must hold exactly one line")
    return text


def read_key(path: Path) -> bytes:
    """A raw key of 32 bytes. Raises SecretInvalid, OSError."""
    key = path.read_bytes()
    if len(key) != _KEY_BYTES:
        raise SecretInvalid(f"{path} must hold exactly {_KEY_BYTES} bytes, and holds {len(key)}")
    return key
