"""The secrets of the local stack, made once: a directory per service, so that each is given its own and no other."""

import base64
from collections.abc import Mapping
from pathlib import Path

from deploy.postgres.provision import write_secret
from libs.crypto.keyring import new_keyring
from libs.ids import Entropy

KEY_BYTES = 32
#: Services whose events others consume.
SOURCES = ("identity", "session", "tenancy", "audit", "datarights")
#: Random keys by service and file, each of KEY_BYTES.
KEYS: Mapping[str, tuple[str, ...]] = {
    "identity": ("pepper.key", "blind-index.key"),
    "session": ("refresh.key",),
    "tenancy": ("blind-index.key",),
    "audit": ("checkpoint.key",),
    "datarights": ("archive.key",),
    "gateway": ("csrf.key",),
}
KEYRINGS = ("identity", "session")
#: Whose events a service consumes, besides its own key for sending.
CONSUMES: Mapping[str, tuple[str, ...]] = {
    "session": ("identity",),
    "audit": SOURCES,
}


def ensure_secrets(directory: Path, *, entropy: Entropy) -> None:
    """Make what is missing; what is there stays. Losing one of these files loses what it protects."""
    for service, names in KEYS.items():
        for name in names:
            ensure(directory / service / name, entropy.bytes(KEY_BYTES))
    for service in KEYRINGS:
        ensure(directory / service / "keyring.json", new_keyring(entropy).encode())
    for source in SOURCES:
        own = directory / source / "mac-keys" / f"{source}.key"
        ensure(own, entropy.bytes(KEY_BYTES))
    for service, sources in CONSUMES.items():
        for source in sources:
            key = (directory / source / "mac-keys" / f"{source}.key").read_bytes()
            ensure(directory / service / "mac-keys" / f"{source}.key", key)


def ensure(path: Path, content: bytes) -> None:
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_secret(path, content)


def ensure_password(path: Path, *, entropy: Entropy) -> str:
    """The password kept in `path`, made on the first call; fit for URLs and configuration files."""
    ensure(path, base64.b16encode(entropy.bytes(24)).lower())
    return path.read_text()
