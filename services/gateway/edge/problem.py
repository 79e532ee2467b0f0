"""Problems: how the edge says no (RFC 9457). One table turns the services' answers into HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Final

import grpc
from starlette.responses import JSONResponse, Response

from wardenry.errors.error import WardenryError

#: google.rpc.Code to HTTP, as google.api has it. Whether absent and forbidden are told apart is the services' decision.
_HTTP_STATUS: Mapping[grpc.StatusCode, int] = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.FAILED_PRECONDITION: 409,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.CANCELLED: 503,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
}
#: When to come back to a service that could not even say when: it was not reached.
_SOON: Final = timedelta(seconds=1)


def http_status(code: grpc.StatusCode) -> int:
    """What a service's answer of this code is over HTTP."""
    return _HTTP_STATUS.get(code, 500)


@dataclass(frozen=True, slots=True)
class Violation:
    """A field that breaks a rule: its name as the caller wrote it, and the rule in words."""

    field: str
    description: str


class Problem(Exception):
    """A request that ends here: HTTP status, reason (wardenry.errors.v1 without its prefix), text for people."""

    def __init__(
        self,
        status: int,
        reason: str,
        detail: str,
        *,
        violations: tuple[Violation, ...] = (),
        retry_after: timedelta | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.reason = reason
        self.detail = detail
        self.violations = violations
        self.retry_after = retry_after
        self.metadata = dict(metadata or {})

    @classmethod
    def of(cls, error: WardenryError) -> "Problem":
        """The problem that a service's answer becomes."""
        return cls(
            http_status(error.code),
            error.reason_name.removeprefix("REASON_"),
            error.message,
            violations=tuple(Violation(violation.field, violation.description) for violation in error.violations),
            retry_after=error.retry_after or (_SOON if error.code is grpc.StatusCode.UNAVAILABLE else None),
            metadata=error.metadata,
        )

    def headers(self) -> dict[str, str]:
        if self.retry_after is None:
            return {}
        # Retry-After has whole seconds (RFC 9110 section 10.2.3): rounded up, so that who waits has waited long enough.
        return {"Retry-After": str(max(1, -int(-self.retry_after.total_seconds() // 1)))}

    def response(self) -> Response:
        body: dict[str, object] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "reason": self.reason,
        }
        if self.violations:
            body["violations"] = [
                {"field": violation.field, "description": violation.description} for violation in self.violations
            ]
        if self.metadata:
            body["metadata"] = self.metadata
        return JSONResponse(body, self.status, self.headers(), media_type="application/problem+json")
