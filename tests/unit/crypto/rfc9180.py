"""HPKE in base mode, written from RFC 9180 alone, for one message with a given ephemeral key.

A second implementation: the product's vectors must come out of it too, so that they are not merely what one library
happens to do.
"""

import hashlib
import hmac

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_KEM_SUITE = b"KEM" + bytes.fromhex("0020")
_HPKE_SUITE = b"HPKE" + bytes.fromhex("002000010002")


def seal(*, ephemeral_private: bytes, public: bytes, info: bytes, plaintext: bytes) -> bytes:
    """enc ‖ ct of DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM, with empty aad."""
    ephemeral = X25519PrivateKey.from_private_bytes(ephemeral_private)
    enc = ephemeral.public_key().public_bytes_raw()
    shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(public))
    prk = _extract(b"", b"eae_prk", shared, _KEM_SUITE)
    secret = _expand(prk, b"shared_secret", enc + public, 32, _KEM_SUITE)
    context = b"\x00" + _extract(b"", b"psk_id_hash", b"", _HPKE_SUITE) + _extract(b"", b"info_hash", info, _HPKE_SUITE)
    scheduled = _extract(secret, b"secret", b"", _HPKE_SUITE)
    key = _expand(scheduled, b"key", context, 32, _HPKE_SUITE)
    nonce = _expand(scheduled, b"base_nonce", context, 12, _HPKE_SUITE)
    return enc + AESGCM(key).encrypt(nonce, plaintext, b"")


def _extract(salt: bytes, label: bytes, material: bytes, suite: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + material, hashlib.sha256)


def _expand(prk: bytes, label: bytes, info: bytes, size: int, suite: bytes) -> bytes:
    labeled = size.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return hmac.digest(prk, labeled + b"\x01", hashlib.sha256)[:size]
