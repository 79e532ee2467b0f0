"""Why a call failed, in our words.

Whoever is asked may not be who they should be, so nothing of the text that they sent is told on.
"""

import grpc

from wardenry.errors.error import (
    DeadlineExceeded,
    Internal,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    Unauthenticated,
    Unavailable,
    WardenryError,
)

#: What gRPC's transport writes about a connection, and what that means. The first that is found counts.
_CONNECTIONS = (
    ("timed out", "no answer in time"),
    ("timeout", "no answer in time"),
    ("deadline", "no answer in time"),
    ("connection refused", "connection refused"),
    ("dns resolution", "its host name is not known"),
    ("domain name not found", "its host name is not known"),
    ("name or service not known", "its host name is not known"),
    ("unreachable", "no way leads there"),
    ("no route to host", "no way leads there"),
    ("peer name", "its certificate is another's"),
    ("certificate", "no TLS handshake"),
    ("handshak", "no TLS handshake"),
    ("tls", "no TLS handshake"),
    ("ssl", "no TLS handshake"),
    ("reset", "the connection broke off"),
    ("closed", "the connection broke off"),
    ("broken pipe", "the connection broke off"),
    ("goaway", "the connection broke off"),
)
_TOLD: tuple[tuple[type[WardenryError], str], ...] = (
    (Unavailable, "something that it needs does not answer"),
    (DeadlineExceeded, "it was not done in time"),
    (PermissionDenied, "our certificate may not ask that"),
    (Unauthenticated, "our certificate may not ask that"),
    (NotFound, "it knows nothing of that"),
    (InvalidArgument, "it does not understand the question"),
    (ResourceExhausted, "it has too much to do"),
    (Internal, "it failed; its log says why"),
)
_DETAILS = "grpc-status-details-bin"


def told(error: WardenryError) -> str:
    """Why the call failed, a clause without a full stop. It is made of this file's words, and of names of our own
    enumerations."""
    cause = error.__cause__
    if isinstance(cause, grpc.aio.AioRpcError) and not _is_ours(cause):
        return _by_transport(cause.code(), cause.details() or "")
    words = next((words for kind, words in _TOLD if isinstance(error, kind)), "it refuses")
    return f"{words} ({error.reason_name})"


def _is_ours(error: grpc.aio.AioRpcError) -> bool:
    """Whether a service of ours ended the call, and not gRPC on either side."""
    return any(key == _DETAILS for key, _ in error.trailing_metadata() or ())


def _by_transport(code: grpc.StatusCode, details: str) -> str:
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return "no answer in time"
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return "it does not know the question, as a service of another version"
    if code is grpc.StatusCode.UNAVAILABLE:
        # gRPC tells of every address that it tried; the last one is what a person looks for.
        last = details.lower().rpartition("last error: ")[2]
        return next((words for part, words in _CONNECTIONS if part in last), "no connection")
    return f"it answers {code.name}, as no service of ours does"
