"""Errors on the wire: google.rpc.Status with ErrorInfo, BadRequest and RetryInfo (https://google.aip.dev/193)."""

from datetime import timedelta

import grpc
from google.protobuf.any_pb2 import Any as PackedMessage
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped] # googleapis ships no types
from grpc_status import rpc_status

from wardenry.errors.error import TYPES, Internal, Violation, WardenryError
from wardenry.errors.v1 import reason_pb2
from wardenry.errors.v1.reason_pb2 import Reason

#: `domain` of every ErrorInfo that is ours.
DOMAIN = "wardenry"
_DETAILS = "grpc-status-details-bin"
#: What gRPC itself ended a call with, said as the services say it.
_OWN_WORDS = {grpc.StatusCode.DEADLINE_EXCEEDED: "The deadline passed."}


def status_of(error: WardenryError) -> grpc.Status:
    """What to end a call with."""
    info = error_details_pb2.ErrorInfo(reason=error.reason_name, domain=DOMAIN, metadata=dict(error.metadata))
    details = [_packed(info)]
    if error.violations:
        bad_request = error_details_pb2.BadRequest()
        for violation in error.violations:
            bad_request.field_violations.add(field=violation.field, description=violation.description)
        details.append(_packed(bad_request))
    if error.retry_after is not None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromTimedelta(error.retry_after)
        details.append(_packed(retry))
    code: int = error.code.value[0]
    return rpc_status.to_status(status_pb2.Status(code=code, message=error.message, details=details))


def from_rpc_error(error: grpc.aio.AioRpcError) -> WardenryError:
    """The error that the other side raised, or the one that fits what the transport met."""
    status = _details_of(error)
    kind = TYPES.get(error.code(), Internal)
    if status is None:
        text = _OWN_WORDS.get(error.code()) or error.details() or error.code().name
        return kind(text, remote=True)
    info, bad_request = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    retry = error_details_pb2.RetryInfo()
    retry_after: timedelta | None = None
    for detail in status.details:
        if detail.Is(retry.DESCRIPTOR):
            detail.Unpack(retry)
            retry_after = retry.retry_delay.ToTimedelta()
        elif not detail.Unpack(info):
            detail.Unpack(bad_request)
    return kind(
        status.message,
        reason=_reason(info),
        metadata=dict(info.metadata),
        violations=[Violation(field=each.field, description=each.description) for each in bad_request.field_violations],
        retry_after=retry_after,
        remote=True,
    )


def _packed(
    message: error_details_pb2.ErrorInfo | error_details_pb2.BadRequest | error_details_pb2.RetryInfo,
) -> PackedMessage:
    packed = PackedMessage()
    packed.Pack(message)
    return packed


def _details_of(error: grpc.aio.AioRpcError) -> status_pb2.Status | None:
    trailers = error.trailing_metadata() or ()
    for key, value in trailers:
        if key == _DETAILS:
            status = status_pb2.Status.FromString(value if isinstance(value, bytes) else value.encode("latin-1"))
            return status if status.code == error.code().value[0] else None
    return None


def _reason(info: error_details_pb2.ErrorInfo) -> Reason.ValueType | None:
    """None, so the default of the type, for another domain's reason and for one newer than this package."""
    if info.domain != DOMAIN or info.reason not in Reason.keys():  # noqa: SIM118 - an enum wrapper is no dictionary
        return None
    reason = Reason.Value(info.reason)
    return None if reason == reason_pb2.REASON_UNSPECIFIED else reason
