"""Rows that stand in the error tables of several services."""

from datetime import timedelta
from typing import Final

import grpc

from libs.rpc.errors import ErrorRow
from wardenry.errors.v1 import reason_pb2

#: A store or another service is down.
AWAY: Final = ErrorRow(
    code=grpc.StatusCode.UNAVAILABLE,
    reason=reason_pb2.REASON_DEPENDENCY_UNAVAILABLE,
    text="Something that is needed does not answer.",
    retry_after=timedelta(seconds=1),
)
#: It is absent, or not the caller's to see.
NOT_FOUND: Final = ErrorRow(
    code=grpc.StatusCode.NOT_FOUND, reason=reason_pb2.REASON_NOT_FOUND, text="There is no such thing for you."
)
ID_INVALID: Final = ErrorRow(
    code=grpc.StatusCode.INVALID_ARGUMENT,
    reason=reason_pb2.REASON_FIELD_INVALID,
    text="An identifier must be a UUID of version 7.",
)
PAGE_TOKEN_INVALID: Final = ErrorRow(
    code=grpc.StatusCode.INVALID_ARGUMENT,
    reason=reason_pb2.REASON_PAGE_TOKEN_INVALID,
    text="This page token is not one of this list.",
)


def taken(text: str) -> ErrorRow:
    """What the caller chose belongs to something else already."""
    return ErrorRow(code=grpc.StatusCode.ALREADY_EXISTS, reason=reason_pb2.REASON_ALREADY_EXISTS, text=text)
