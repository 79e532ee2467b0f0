"""Why an operation can be refused: by its inputs, by whom it acts for, and by the RPCs that it makes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from google.protobuf import descriptor_pool

from libs.rpc.rules import Rule, rule_of
from services.gateway.api.operation import Acting, Operation
from services.gateway.description.contracts import Contracts
from services.gateway.edge.problem import http_status
from wardenry.permissions import ROLE_PERMISSIONS

_INVALID = "REASON_FIELD_INVALID"
_REFRESH = "wardenry.session.v1.TokenService.Refresh"
#: Of whoever presents a token, here and at the service that is called.
_OF_A_TOKEN = ("REASON_TOKEN_INVALID", "REASON_TOKEN_REVOKED", "REASON_FEED_STALE")
_OF_A_CALL = ("REASON_DEPENDENCY_UNAVAILABLE", "REASON_DEADLINE_EXCEEDED")


def refusals_of(operation: Operation[Any], contracts: Contracts) -> Mapping[int, Sequence[str]]:
    """The reasons by HTTP status, both in order."""
    found: dict[int, set[str]] = {}
    for status, reason in _at_the_edge(operation):
        found.setdefault(status, set()).add(reason)
    for reason in _of_services(operation, contracts):
        found.setdefault(http_status(contracts.code(reason)), set()).add(reason)
    return {status: sorted(found[status]) for status in sorted(found)}


def _at_the_edge(operation: Operation[Any]) -> Iterator[tuple[int, str]]:
    # A credential in the URL, or a parameter that is not known.
    yield 400, _INVALID
    yield 429, "REASON_RATE_LIMITED"
    yield 500, "REASON_INTERNAL"
    if "{" in operation.path:
        yield 404, "REASON_NOT_FOUND"
    if not operation.safe:
        # From another origin, or without the CSRF token.
        yield 403, "REASON_PERMISSION_DENIED"
        yield 408, "REASON_DEADLINE_EXCEEDED"
        yield 413, _INVALID
        yield 415, _INVALID


def _of_services(operation: Operation[Any], contracts: Contracts) -> Iterator[str]:
    yield from operation.refusals
    if operation.rpcs:
        yield from _OF_A_CALL
    if "page" in operation.query:
        yield "REASON_PAGE_TOKEN_INVALID"
    if operation.acting is not Acting.NOBODY:
        yield from _OF_A_TOKEN
        yield from contracts.errors(_REFRESH)
    for rpc in operation.rpcs:
        yield from contracts.errors(rpc)
        rule = rule_of_rpc(rpc)
        if rule.for_user:
            yield from _OF_A_TOKEN
        if rule.permission and not all(rule.permission in held for held in ROLE_PERMISSIONS.values()):
            yield "REASON_PERMISSION_DENIED"
        if rule.greatest_authentication_age is not None or rule.least_acr:
            yield "REASON_STEP_UP_REQUIRED"


def rule_of_rpc(rpc: str) -> Rule:
    """The rule of an RPC by its full name. Raises KeyError, RuleInvalid."""
    return rule_of(descriptor_pool.Default().FindMethodByName(rpc))
