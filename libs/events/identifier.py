"""Identifiers of events that are taken in: each event has several, and thousands come in a second."""

from typing import AnyStr
from uuid import UUID

from asyncpg.pgproto import pgproto


def identifier(stated: AnyStr) -> UUID:
    """The UUID of 16 bytes, or in a text, of the database driver's type: it is a `uuid.UUID`, equal to any other of the
    same value, made, compared and sent to the database in C in a tenth of the time. Raises ValueError."""
    return pgproto.UUID(stated)
