"""One table per service: error → code, reason, public text. What is in no table is a defect, and says nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import grpc

from wardenry.errors.error import (
    TYPES,
    DeadlineExceeded,
    Internal,
    ResourceExhausted,
    Unavailable,
    Violation,
    WardenryError,
)
from wardenry.errors.v1.reason_pb2 import Reason

#: When to try again after a failure of another service that did not say.
RETRY = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRow:
    """How one of the domain's errors is told.

    An error may carry what only its moment knows, in attributes of these names, and then that is told too:
    `retry_after` (timedelta; it goes before the row's), `metadata` (str to str) and `violations`
    (wardenry.errors.error.Violation). Its text never is.
    """

    code: grpc.StatusCode
    reason: Reason.ValueType
    text: str
    retry_after: timedelta | None = None


ErrorTable = Mapping[type[Exception], ErrorRow]


def rendered(error: Exception, table: ErrorTable) -> WardenryError | None:
    """The refusal that this error is told as; None when nothing says how."""
    for kind in type(error).__mro__:
        row = table.get(kind)
        if row is not None:
            return _from_row(row, error)
    if not isinstance(error, WardenryError):
        return None
    if not error.remote:
        return error
    # Another service refused us. That is between the two of us, but for its being busy or away.
    if isinstance(error, Unavailable | DeadlineExceeded | ResourceExhausted):
        return Unavailable("A service that is needed does not answer.", retry_after=error.retry_after or RETRY)
    return None


def defect(*, trace_id: str) -> WardenryError:
    """What is told of an error that nothing foresaw."""
    return Internal("Something went wrong on our side.", metadata={"trace_id": trace_id} if trace_id else None)


def _from_row(row: ErrorRow, error: Exception) -> WardenryError:
    retry_after = getattr(error, "retry_after", None)
    metadata: Mapping[str, str] = getattr(error, "metadata", None) or {}
    violations: Iterable[Violation] = getattr(error, "violations", None) or ()
    return TYPES.get(row.code, Internal)(
        row.text,
        reason=row.reason,
        metadata=metadata,
        violations=list(violations),
        retry_after=retry_after if isinstance(retry_after, timedelta) else row.retry_after,
    )
