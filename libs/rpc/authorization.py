"""Check: may this person do this, here, with this authentication. After the token was verified, before the request is
looked at."""

from datetime import datetime, timedelta

from libs.rpc.rules import Rule
from wardenry.errors.error import PermissionDenied, Unauthenticated
from wardenry.errors.v1 import reason_pb2
from wardenry.permissions import allows
from wardenry.tokens import AccessToken

#: Clocks of the machines that issue and check may differ by this much.
LEEWAY = timedelta(seconds=5)


def authorize(token: AccessToken, rule: Rule, *, now: datetime) -> None:
    """Raises PermissionDenied (REASON_WORKSPACE_REQUIRED, REASON_PERMISSION_DENIED), Unauthenticated
    (REASON_STEP_UP_REQUIRED)."""
    if rule.needs_workspace and token.workspace is None:
        raise PermissionDenied("Choose a workspace first.", reason=reason_pb2.REASON_WORKSPACE_REQUIRED)
    if rule.permission and not allows(token.role, rule.permission):
        raise PermissionDenied("Your role does not allow this.", metadata={"permission": rule.permission})
    # "aal1" < "aal2" < "aal3": the names of NIST SP 800-63B sort by strength.
    if rule.least_acr and token.acr < rule.least_acr:
        raise step_up(acr_values=rule.least_acr)
    age = rule.greatest_authentication_age
    if age is not None and now - token.auth_time > age + LEEWAY:
        raise step_up(max_age=str(int(age.total_seconds())))


def step_up(**challenge: str) -> Unauthenticated:
    """What RFC 9470 section 3 tells the client, in the error's metadata."""
    return Unauthenticated(
        "Sign in again, more strongly or more recently.",
        reason=reason_pb2.REASON_STEP_UP_REQUIRED,
        metadata=challenge,
    )
