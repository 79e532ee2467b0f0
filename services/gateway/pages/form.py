"""Reads the forms of pages as strictly as JSON bodies."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import Request

from libs.ids import Ids
from services.gateway.edge.body import read_limited
from services.gateway.edge.problem import Problem, Violation

#: Every form of ours carries it; it is checked before the fields are looked at.
CSRF_FIELD = "csrf_token"


async def read_form(request: Request) -> dict[str, str]:
    """The fields of an application/x-www-form-urlencoded body, each once. Raises `Problem` 400, 413, 415."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/x-www-form-urlencoded":
        raise Problem(415, "FIELD_INVALID", "The form must be URL-encoded.")
    try:
        pairs = parse_qsl(
            (await read_limited(request)).decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=20,
        )
    except ValueError as error:
        raise Problem(400, "FIELD_INVALID", "The form is not readable.") from error
    fields: dict[str, str] = {}
    for name, value in pairs:
        if name in fields or "\x00" in value:
            raise Problem(
                400, "FIELD_INVALID", "The form has invalid fields.", violations=(Violation(name[:64], "invalid"),)
            )
        fields[name] = value
    return fields


def identifier_of(ids: Ids, name: str, *, form: Mapping[str, str] | None = None, problem: Problem | None = None) -> str:
    """The identifier that a form gives to what it creates, in its field `name`: so a form that is sent twice creates
    once. It stays where whether it was done is not known; after any other refusal it is a new one."""
    if form and problem and problem.status >= 500 and form.get(name):
        return form[name]
    return str(ids.uuid7())


def take(fields: dict[str, str], *names: str) -> dict[str, str]:
    """Exactly the named fields. Raises `Problem` 400 for an unknown or missing one."""
    violations = [Violation(name[:64], "unknown field") for name in fields if name not in (*names, CSRF_FIELD)]
    violations += [Violation(name, "required") for name in names if name not in fields]
    if violations:
        raise Problem(400, "FIELD_INVALID", "The form has invalid fields.", violations=tuple(violations))
    return {name: fields[name] for name in names}
