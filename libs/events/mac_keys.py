"""The sources' MAC keys, read from files."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from libs.config.secret import SecretInvalid

#: What a consumer needs: each source's keys, the present one first.
MacKeys = Mapping[str, Sequence[bytes]]

KEY_BYTES = 32


class MacKeyInvalid(SecretInvalid):
    """A key file is missing or does not hold 32 bytes. The text names the file."""


def load_mac_key(directory: Path, source: str) -> bytes:
    """The key under which `source` signs: the 32 raw bytes of `<source>.key`. Raises MacKeyInvalid."""
    return _read(directory / f"{source}.key")


def load_mac_keys(directory: Path, sources: Sequence[str]) -> MacKeys:
    """The keys to check records with: `<source>.key`, and `<source>.previous.key` where a rotation left one.

    Raises MacKeyInvalid.
    """
    keys: dict[str, list[bytes]] = {}
    for source in sources:
        keys[source] = [load_mac_key(directory, source)]
        previous = directory / f"{source}.previous.key"
        if previous.exists():
            keys[source].append(_read(previous))
    return keys


def _read(path: Path) -> bytes:
    try:
        key = path.read_bytes()
    except OSError as error:
        raise MacKeyInvalid(f"{path}: {error.strerror}") from error
    if len(key) != KEY_BYTES:
        raise MacKeyInvalid(f"{path}: holds {len(key)} bytes, not {KEY_BYTES}")
    return key
