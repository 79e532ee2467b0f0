"""The description as a whole: OpenAPI 3.1."""

import re
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from types import ModuleType
from typing import Any

from services.gateway.api import audit, description, requests, sessions, subject, tiles, workspaces
from services.gateway.api.operation import Acting, Operation
from services.gateway.description.contracts import Contracts
from services.gateway.description.refusals import refusals_of, rule_of_rpc
from services.gateway.description.schemas import Schema, Schemas
from services.gateway.edge.body import MAX_BODY
from services.gateway.openid import keys
from wardenry.version import VERSION

OPENAPI = "3.1.1"
_PARAMETER = re.compile(r"\{(\w+)(?::path)?\}")
_TAGS: Sequence[tuple[str, Sequence[ModuleType]]] = (
    ("Sessions", (sessions,)),
    ("Person", (subject,)),
    ("Workspaces", (workspaces,)),
    ("Audit log", (audit, tiles)),
    ("Data rights", (requests,)),
    ("For everybody", (keys, description)),
)
_ABOUT = f"""People's sessions, workspaces, audit log and data rights, as a browser calls them. Guide: docs/api.md.

* Cookies carry everything: `__Host-flow` (this browser), `__Host-device`, and an access and a refresh token for each
  workspace and for none. All are Secure, HttpOnly and SameSite=Lax; keep them all, and take over what every answer
  sets. An access token that has ended is refreshed by the gateway within the next call.
* A call that changes something (all but GET) needs `Origin` to be the gateway's own, and `X-CSRF-Token`.
* A body is one JSON object in UTF-8 of at most {MAX_BODY:,} bytes with exactly the fields that are described. Unknown
  or repeated fields and parameters, and text with NUL, are refused by name.
* A refusal is `application/problem+json` (RFC 9457) with a `reason`: branch on it. With 429 and 503, and where else it
  is worth trying again, `Retry-After` says after how many seconds. There are no RateLimit headers.
* HEAD is answered wherever GET is; another method with 405. More connections than the gateway takes are answered 503
  in plain text.
"""
_SECURITY: Mapping[str, Schema] = {
    "browser": {"type": "apiKey", "in": "cookie", "name": "__Host-flow", "description": "Set by any answer."},
    "csrf": {
        "type": "apiKey",
        "in": "header",
        "name": "X-CSRF-Token",
        "description": "What `getCsrfToken` answers for the cookie `__Host-flow`; a sign-in or sign-out renews both.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-refresh",
        "description": "Set by a sign-in, with `__Host-access` and `__Host-device`, which belong to it. Those of a "
        "workspace do as well.",
    },
    "workspace": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-refresh-{workspace_id}",
        "description": "Set by `openWorkspace`, with `__Host-access-{workspace_id}`; the id has no hyphens here.",
    },
}
_ACTING = {Acting.NOBODY: (), Acting.PERSON: ("session",), Acting.MEMBER: ("workspace",)}
_LATER = frozenset({409, 429, 503})


def operations() -> Iterator[tuple[str, Operation[Any]]]:
    """Every operation under its tag, in the order in which they are shown."""
    for tag, modules in _TAGS:
        for module in modules:
            for value in vars(module).values():
                if isinstance(value, Operation):
                    yield tag, value


def document(contracts: Contracts) -> dict[str, Any]:
    """The description. Raises UnknownRule."""
    return _Document(contracts).whole()


class _Document:
    def __init__(self, contracts: Contracts) -> None:
        self._contracts = contracts
        self._schemas = Schemas(contracts)
        self._refusals: dict[str, Any] = {}
        self._reasons: set[str] = set()

    def whole(self) -> dict[str, Any]:
        paths: dict[str, dict[str, Any]] = {}
        for tag, operation in operations():
            path = _PARAMETER.sub(r"{\1}", operation.path)
            paths.setdefault(path, {})[operation.method.lower()] = self._operation(tag, operation)
        return {
            "openapi": OPENAPI,
            "info": {"title": "Wardenry", "version": VERSION, "description": _ABOUT, "license": _LICENSE},
            "servers": [{"url": "/", "description": "The gateway's origin."}],
            "tags": [{"name": tag} for tag, _ in _TAGS],
            "paths": paths,
            "components": {
                "securitySchemes": _SECURITY,
                "parameters": {"Origin": _ORIGIN},
                "headers": {"Retry-After": _RETRY_AFTER},
                "responses": dict(sorted(self._refusals.items())),
                "schemas": {"Problem": self._problem(), **dict(sorted(self._schemas.named.items()))},
            },
        }

    def _operation(self, tag: str, operation: Operation[Any]) -> dict[str, Any]:
        needs = [*_ACTING[operation.acting], *([] if operation.safe else ["browser", "csrf"])]
        described: dict[str, Any] = {
            "operationId": operation.name,
            "tags": [tag],
            "summary": operation.summary,
            "description": "\n\n".join(_told(operation)),
            "security": [{need: [] for need in needs}] if needs else [],
            "parameters": list(self._parameters(operation)),
        }
        if operation.body is not None:
            content = {"application/json": {"schema": self._schemas.of_body(operation.body)}}
            described["requestBody"] = {"required": True, "content": content}
        described["responses"] = {str(operation.status): self._answer(operation)} | {
            str(status): self._refusal(status, reasons)
            for status, reasons in refusals_of(operation, self._contracts).items()
        }
        return {name: value for name, value in described.items() if value not in ("", [])} | {
            "security": described["security"]
        }

    def _parameters(self, operation: Operation[Any]) -> Iterator[dict[str, Any]]:
        for name in _PARAMETER.findall(operation.path):
            yield {"name": name, "in": "path", "required": True, "schema": _IN_PATH.get(name, _UUID)}
        for name, each in operation.query.items():
            schema = self._schemas.of_input(each)
            text = schema.pop("description")
            yield {"name": name, "in": "query", "required": each.required, "description": text, "schema": schema}
        if not operation.safe:
            yield {"$ref": "#/components/parameters/Origin"}

    def _answer(self, operation: Operation[Any]) -> dict[str, Any]:
        answer: dict[str, Any] = {"description": HTTPStatus(operation.status).phrase}
        if operation.cache:
            schema = {"type": "string", "const": operation.cache}
            answer["headers"] = {"Cache-Control": {"schema": schema}}
        if operation.media:
            answer["content"] = {media: {} for media in operation.media}
        elif operation.answer is not type(None):
            answer["content"] = {"application/json": {"schema": self._schemas.of_answer(operation.answer)}}
        return answer

    def _refusal(self, status: int, reasons: Sequence[str]) -> dict[str, str]:
        told = [reason.removeprefix("REASON_") for reason in reasons]
        name = ".".join([str(status), *told])
        if name not in self._refusals:
            self._reasons.update(told)
            meanings = (f"`{name}`: {self._meaning(status, name)}" for name in told)
            schema = {"allOf": [_PROBLEM, {"properties": {"status": {"const": status}, "reason": {"enum": told}}}]}
            self._refusals[name] = {
                "description": "\n\n".join(meanings),
                **({"headers": {"Retry-After": _RETRY_REFERENCE}} if status in _LATER else {}),
                "content": {"application/problem+json": {"schema": schema}},
            }
        return {"$ref": f"#/components/responses/{name}"}

    def _meaning(self, status: int, reason: str) -> str:
        return _OF_HTTP.get((status, reason)) or self._contracts.meaning(f"REASON_{reason}")

    def _problem(self) -> Schema:
        return {
            "type": "object",
            "description": "Why a call was refused (RFC 9457).",
            "required": ["type", "title", "status", "detail", "reason"],
            "properties": {
                "type": {"const": "about:blank"},
                "title": {"type": "string", "description": "The status in words."},
                "status": {"type": "integer"},
                "detail": {"type": "string", "description": "For people; it may change."},
                "reason": {
                    "type": "string",
                    "enum": sorted(self._reasons),
                    "description": "For programs: docs/errors.md, without REASON_.",
                },
                "violations": {
                    "type": "array",
                    "description": "The fields and parameters that break a rule.",
                    "items": {
                        "type": "object",
                        "required": ["field", "description"],
                        "properties": {"field": {"type": "string"}, "description": {"type": "string"}},
                    },
                },
                "metadata": {
                    "type": "object",
                    "description": "More for programs, such as `feedback` with PASSWORD_WEAK.",
                    "additionalProperties": {"type": "string"},
                },
            },
        }


def _told(operation: Operation[Any]) -> Iterator[str]:
    if operation.description:
        yield operation.description
    rules = [rule_of_rpc(rpc) for rpc in operation.rpcs]
    for permission in dict.fromkeys(rule.permission for rule in rules if rule.permission):
        yield f"Needs the permission `{permission}` (docs/permissions.md)."
    for age in (rule.greatest_authentication_age for rule in rules if rule.greatest_authentication_age is not None):
        yield f"Needs a sign-in of the last {age.total_seconds() / 60:g} minutes."
    if operation.authentication:
        yield "Counts against the lower rate: it checks a secret or sends mail."


_LICENSE = {"name": "Apache 2.0", "identifier": "Apache-2.0"}
_PROBLEM = {"$ref": "#/components/schemas/Problem"}
_UUID: Schema = {"type": "string", "format": "uuid", "description": "In lower case, with hyphens."}
_IN_PATH: Mapping[str, Schema] = {
    "path": {
        "type": "string",
        "description": "`<level>/<number>[.p/<width>]`, or `entries` for the level: C2SP tlog-tiles. Its slashes are "
        "sent as they are.",
    }
}
_ORIGIN = {
    "name": "Origin",
    "in": "header",
    "required": True,
    "description": "The gateway's own origin, as a browser sends it: `https://id.example.com`.",
    "schema": {"type": "string", "format": "uri"},
}
_RETRY_AFTER = {
    "description": "Seconds after which to try again (RFC 9110 section 10.2.3). Always there with 429 and 503.",
    "schema": {"type": "integer", "minimum": 1},
}
_RETRY_REFERENCE = {"$ref": "#/components/headers/Retry-After"}
#: What a reason means where it is HTTP's alone.
_OF_HTTP: Mapping[tuple[int, str], str] = {
    (
        400,
        "FIELD_INVALID",
    ): "A field or parameter is unknown, missing, repeated, or breaks its rule; `violations` names "
    "it. Or the URL carries a token or secret.",
    (408, "DEADLINE_EXCEEDED"): "The body did not come whole within 10 seconds.",
    (413, "FIELD_INVALID"): f"The body is larger than {MAX_BODY:,} bytes.",
    (415, "FIELD_INVALID"): "The body is not application/json.",
    (429, "RATE_LIMITED"): "Too many requests from this network, or of this session.",
}
