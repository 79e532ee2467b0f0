"""From a domain's error to the wire and back."""

from datetime import timedelta

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped] # googleapis ships no types
from grpc.aio import AioRpcError, Metadata

from libs.rpc.errors import ErrorRow, ErrorTable, rendered
from wardenry.errors.error import (
    TYPES,
    Internal,
    InvalidArgument,
    ResourceExhausted,
    Unauthenticated,
    Unavailable,
    Violation,
    WardenryError,
)
from wardenry.errors.status import from_rpc_error, status_of
from wardenry.errors.v1 import reason_pb2


class Delayed(Exception):
    def __init__(self, *, retry_after: timedelta) -> None:
        super().__init__("ada@example.org failed too often")
        self.retry_after = retry_after


class Weak(Exception):
    metadata = {"feedback": "Add another word."}  # noqa: RUF012 - never changed
    violations = (Violation("password", "is too short"),)


class WeakAndShort(Weak):
    pass


TABLE: ErrorTable = {
    Delayed: ErrorRow(
        code=grpc.StatusCode.RESOURCE_EXHAUSTED,
        reason=reason_pb2.REASON_AUTHENTICATION_DELAYED,
        text="Too many failures.",
        retry_after=timedelta(seconds=1),
    ),
    Weak: ErrorRow(
        code=grpc.StatusCode.INVALID_ARGUMENT, reason=reason_pb2.REASON_PASSWORD_WEAK, text="This password is weak."
    ),
}


def over_the_wire(error: WardenryError) -> WardenryError:
    status = status_of(error)
    trailers = Metadata(*((key, value) for key, value in status.trailing_metadata or ()))
    return from_rpc_error(AioRpcError(status.code, Metadata(), trailers, details=status.details))


def test_what_only_the_moment_knows_is_told_and_the_text_is_not() -> None:
    told = rendered(Delayed(retry_after=timedelta(seconds=8)), TABLE)
    assert isinstance(told, ResourceExhausted)
    assert (told.message, told.retry_after) == ("Too many failures.", timedelta(seconds=8))
    weak = rendered(WeakAndShort("p4ssw0rd"), TABLE)
    assert isinstance(weak, InvalidArgument)
    assert (weak.metadata, weak.violations) == ({"feedback": "Add another word."}, Weak.violations)
    assert "p4ssw0rd" not in weak.message


@pytest.mark.parametrize("kind", TYPES.values(), ids=lambda kind: str(kind.__name__))
def test_every_type_survives_the_hop(kind: type[WardenryError]) -> None:
    error = kind(
        "ünlike",
        reason=reason_pb2.REASON_CONFLICT,
        metadata={"a": "b"},
        violations=[Violation("keys[0].id", "must be a UUID")],
        retry_after=timedelta(milliseconds=1500),
    )
    back = over_the_wire(error)
    assert type(back) is kind
    assert (back.message, back.reason_name, back.metadata) == ("ünlike", "REASON_CONFLICT", {"a": "b"})
    assert (back.violations, back.retry_after) == (error.violations, timedelta(milliseconds=1500))
    assert back.remote
    assert not error.remote


def test_what_the_transport_met_has_the_type_of_its_code() -> None:
    lost = from_rpc_error(AioRpcError(grpc.StatusCode.UNAVAILABLE, Metadata(), Metadata(), details="connection lost"))
    assert isinstance(lost, Unavailable)
    assert lost.reason == reason_pb2.REASON_DEPENDENCY_UNAVAILABLE
    odd = from_rpc_error(AioRpcError(grpc.StatusCode.DATA_LOSS, Metadata(), Metadata()))
    assert isinstance(odd, Internal)


@pytest.mark.parametrize(
    ("reason", "domain"), [("REASON_OF_NEXT_YEAR", "wardenry"), ("REASON_CONFLICT", "example.org")]
)
def test_an_unknown_reason_is_the_default_of_its_type(reason: str, domain: str) -> None:
    status = status_pb2.Status(code=16, message="no")
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason=reason, domain=domain))
    trailers = Metadata(("grpc-status-details-bin", status.SerializeToString()))
    error = from_rpc_error(AioRpcError(grpc.StatusCode.UNAUTHENTICATED, Metadata(), trailers, details="no"))
    assert isinstance(error, Unauthenticated)
    assert error.reason == reason_pb2.REASON_TOKEN_INVALID


def test_details_that_contradict_the_code_are_not_believed() -> None:
    status = status_pb2.Status(code=5, message="no")
    trailers = Metadata(("grpc-status-details-bin", status.SerializeToString()))
    error = from_rpc_error(AioRpcError(grpc.StatusCode.UNAVAILABLE, Metadata(), trailers, details="no"))
    assert isinstance(error, Unavailable)
