"""The one table: what audit's domain refuses, and how it is told."""

from collections.abc import Mapping
from datetime import timedelta

import grpc

from libs.db.errors import DatabaseRefused, DatabaseUnavailable
from libs.events.envelope import EventInvalid
from libs.rpc.errors import ErrorRow
from services.audit.domain import errors
from wardenry.errors.v1 import reason_pb2

_DATABASE = ErrorRow(
    code=grpc.StatusCode.UNAVAILABLE,
    reason=reason_pb2.REASON_DEPENDENCY_UNAVAILABLE,
    text="The database does not answer.",
    retry_after=timedelta(seconds=1),
)

ERRORS: Mapping[type[Exception], ErrorRow] = {
    errors.EntryNotFound: ErrorRow(
        code=grpc.StatusCode.NOT_FOUND,
        reason=reason_pb2.REASON_NOT_FOUND,
        text="The log has no such entry.",
    ),
    errors.CheckpointNotFound: ErrorRow(
        code=grpc.StatusCode.NOT_FOUND,
        reason=reason_pb2.REASON_NOT_FOUND,
        text="The log has no checkpoint of that size.",
    ),
    errors.AnchorNotFound: ErrorRow(
        code=grpc.StatusCode.NOT_FOUND,
        reason=reason_pb2.REASON_NOT_FOUND,
        text="No checkpoint of the log is in the platform log yet.",
    ),
    errors.TileNotFound: ErrorRow(
        code=grpc.StatusCode.NOT_FOUND,
        reason=reason_pb2.REASON_NOT_FOUND,
        text="The log has no such tile.",
    ),
    errors.PageTokenInvalid: ErrorRow(
        code=grpc.StatusCode.INVALID_ARGUMENT,
        reason=reason_pb2.REASON_PAGE_TOKEN_INVALID,
        text="The page token is not one of this list.",
    ),
    errors.ActionNotAllowed: ErrorRow(
        code=grpc.StatusCode.INVALID_ARGUMENT,
        reason=reason_pb2.REASON_ACTION_NOT_ALLOWED,
        text="Products record record.created, record.updated and record.deleted.",
    ),
    errors.TimeOutOfRange: ErrorRow(
        code=grpc.StatusCode.INVALID_ARGUMENT,
        reason=reason_pb2.REASON_FIELD_INVALID,
        text="occurred_at: must not be in the future, nor older than a day.",
    ),
    errors.RecordExists: ErrorRow(
        code=grpc.StatusCode.ALREADY_EXISTS,
        reason=reason_pb2.REASON_ALREADY_EXISTS,
        text="Something else was recorded under this event id.",
    ),
    errors.PersonErased: ErrorRow(
        code=grpc.StatusCode.FAILED_PRECONDITION,
        reason=reason_pb2.REASON_KEY_DESTROYED,
        text="The person's data was erased.",
    ),
    errors.KeysUnavailable: ErrorRow(
        code=grpc.StatusCode.UNAVAILABLE,
        reason=reason_pb2.REASON_DEPENDENCY_UNAVAILABLE,
        text="The vault does not answer.",
        retry_after=timedelta(seconds=1),
    ),
    errors.SigningPaused: ErrorRow(
        code=grpc.StatusCode.UNAVAILABLE,
        reason=reason_pb2.REASON_DEPENDENCY_UNAVAILABLE,
        text="The log's key is being renewed.",
        retry_after=timedelta(seconds=1),
    ),
    # Segments are written beside the calls; a caller who met one of these would have met a defect.
    errors.ObjectsUnavailable: ErrorRow(
        code=grpc.StatusCode.UNAVAILABLE,
        reason=reason_pb2.REASON_DEPENDENCY_UNAVAILABLE,
        text="The object store does not answer.",
        retry_after=timedelta(seconds=1),
    ),
    errors.KeyRefused: ErrorRow(
        code=grpc.StatusCode.INTERNAL,
        reason=reason_pb2.REASON_INTERNAL,
        text="Something went wrong on our side.",
    ),
    errors.SegmentsAhead: ErrorRow(
        code=grpc.StatusCode.INTERNAL,
        reason=reason_pb2.REASON_INTERNAL,
        text="Something went wrong on our side.",
    ),
    # These two set a record aside or have it taken in again; a caller who met one would have met a defect.
    errors.EventRefused: ErrorRow(
        code=grpc.StatusCode.INTERNAL,
        reason=reason_pb2.REASON_INTERNAL,
        text="Something went wrong on our side.",
    ),
    errors.TreeMoved: ErrorRow(
        code=grpc.StatusCode.ABORTED,
        reason=reason_pb2.REASON_CONFLICT,
        text="The log moved on in between.",
        retry_after=timedelta(milliseconds=100),
    ),
    EventInvalid: ErrorRow(
        code=grpc.StatusCode.INVALID_ARGUMENT,
        reason=reason_pb2.REASON_FIELD_INVALID,
        text="details: too long altogether.",
    ),
    DatabaseUnavailable: _DATABASE,
    DatabaseRefused: _DATABASE,
}
