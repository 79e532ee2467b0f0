"""Readers' public keys, from messages."""

from uuid import UUID

from libs.crypto.reader_key import ReaderPublicKey
from wardenry.identity.v1 import vault_pb2


def reader_key_of(message: vault_pb2.ReaderPublicKey) -> ReaderPublicKey:
    """The key as rows hold it. Raises ValueError for a message without one."""
    return ReaderPublicKey(key_id=UUID(bytes=message.key.key), version=message.key.version, public=message.public_key)
