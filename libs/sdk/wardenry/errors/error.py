"""What a Wardenry service answers when it refuses: types that survive the hop.

A service raises these, or has them rendered from its own domain's errors; the client gets the same types back. Branch
on the
type or on `reason`; the message is for people. docs/errors.md shows each reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

import grpc

from wardenry.errors.v1 import reason_pb2
from wardenry.errors.v1.reason_pb2 import Reason


@dataclass(frozen=True, slots=True)
class Violation:
    """A field that breaks its rule: its path ("keys[0].subject_id") and what is wrong with it, in words."""

    field: str
    description: str


class WardenryError(Exception):
    """A refusal. Raise a subclass, each of which has the gRPC status code of its name."""

    code: ClassVar[grpc.StatusCode] = grpc.StatusCode.INTERNAL
    default_reason: ClassVar[Reason.ValueType] = reason_pb2.REASON_INTERNAL

    def __init__(
        self,
        message: str,
        *,
        reason: Reason.ValueType | None = None,
        metadata: Mapping[str, str] | None = None,
        violations: Sequence[Violation] = (),
        retry_after: timedelta | None = None,
        remote: bool = False,
    ) -> None:
        """`retry_after` tells when to try again. `remote` is set on errors that came over the wire: a service that
        lets one
        through does not answer for another service's refusal, it says that it could not do its work."""
        super().__init__(message)
        self.message = message
        self.reason: Reason.ValueType = self.default_reason if reason is None else reason
        self.metadata: Mapping[str, str] = dict(metadata or {})
        self.violations = tuple(violations)
        self.retry_after = retry_after
        self.remote = remote

    @property
    def reason_name(self) -> str:
        """The reason as it is documented: "REASON_NOT_FOUND"."""
        return Reason.Name(self.reason)


class InvalidArgument(WardenryError):
    """A field breaks its rule; sending the same again will not help."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    default_reason = reason_pb2.REASON_FIELD_INVALID


class Unauthenticated(WardenryError):
    """Nobody, or not well enough known: sign in, refresh, or step up."""

    code = grpc.StatusCode.UNAUTHENTICATED
    default_reason = reason_pb2.REASON_TOKEN_INVALID


class PermissionDenied(WardenryError):
    """Known, and not allowed."""

    code = grpc.StatusCode.PERMISSION_DENIED
    default_reason = reason_pb2.REASON_PERMISSION_DENIED


class NotFound(WardenryError):
    """Absent, or not the caller's to see."""

    code = grpc.StatusCode.NOT_FOUND
    default_reason = reason_pb2.REASON_NOT_FOUND


class AlreadyExists(WardenryError):
    """The identifier or name is taken."""

    code = grpc.StatusCode.ALREADY_EXISTS
    default_reason = reason_pb2.REASON_ALREADY_EXISTS


class Aborted(WardenryError):
    """A concurrent change won; read and try again."""

    code = grpc.StatusCode.ABORTED
    default_reason = reason_pb2.REASON_CONFLICT


class FailedPrecondition(WardenryError):
    """Not in the present state of things; the reason says what stands in the way."""

    code = grpc.StatusCode.FAILED_PRECONDITION


class ResourceExhausted(WardenryError):
    """Too much at once; `retry_after` says when to come back."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    default_reason = reason_pb2.REASON_RATE_LIMITED


class Unavailable(WardenryError):
    """Something that is needed does not answer; nothing is known to have happened."""

    code = grpc.StatusCode.UNAVAILABLE
    default_reason = reason_pb2.REASON_DEPENDENCY_UNAVAILABLE


class DeadlineExceeded(WardenryError):
    """The deadline passed first; it may or may not have happened."""

    code = grpc.StatusCode.DEADLINE_EXCEEDED
    default_reason = reason_pb2.REASON_DEADLINE_EXCEEDED


class Internal(WardenryError):
    """A defect; metadata `trace_id` finds it in the logs."""


TYPES: Mapping[grpc.StatusCode, type[WardenryError]] = {
    error.code: error
    for error in (
        InvalidArgument,
        Unauthenticated,
        PermissionDenied,
        NotFound,
        AlreadyExists,
        Aborted,
        FailedPrecondition,
        ResourceExhausted,
        Unavailable,
        DeadlineExceeded,
        Internal,
    )
}
