"""Reads JSON request bodies strictly: what is not understood is refused by name, nothing is guessed or coerced."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Literal, NoReturn

from starlette.requests import Request

from services.gateway.edge.problem import Problem, Violation

#: Largest request body, bytes. The largest legitimate one is a sign-up of about 2 KiB.
MAX_BODY = 16 * 1024
#: Seconds that a body may take to come: one that trickles must not hold a connection for ever.
READ_SECONDS = 10.0

FieldType = Literal["string", "boolean"]
_PYTHON_TYPES: Mapping[FieldType, type] = {"string": str, "boolean": bool}


async def read_limited(request: Request) -> bytes:
    """The body of `request`.

    Raises `Problem` 413 once more than `MAX_BODY` bytes have come, whatever was announced, and 408 when it has not come
    whole within `READ_SECONDS`.
    """
    body = bytearray()
    try:
        async with asyncio.timeout(READ_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY:
                    raise Problem(413, "FIELD_INVALID", f"The body is larger than {MAX_BODY} bytes.")
    except TimeoutError as error:
        raise Problem(408, "DEADLINE_EXCEEDED", "The body did not come in time.") from error
    return bytes(body)


async def read_object(
    request: Request, *, required: Mapping[str, FieldType], optional: Mapping[str, FieldType] | None = None
) -> dict[str, Any]:
    """The JSON object in `request`: every required field, no unknown one, each of its type.

    Raises `Problem` 400 that names every offending field, 413 for a large body, 415 for another media type.
    """
    _require_json(request)
    return parse_object(await read_limited(request), required=required, optional=optional or {})


async def read_nothing(request: Request) -> None:
    """For a call that takes no body: none, or an object without fields. Raises like `read_object`."""
    body = await read_limited(request)
    if body:
        _require_json(request)
        parse_object(body, required={}, optional={})


def _require_json(request: Request) -> None:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise Problem(415, "FIELD_INVALID", "The body must be application/json.")


def parse_object(
    body: bytes, *, required: Mapping[str, FieldType], optional: Mapping[str, FieldType]
) -> dict[str, Any]:
    """Like `read_object`, for bytes that were read already."""
    try:
        value = json.loads(body.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:  # a number of thousands of digits is a plain ValueError
        raise Problem(400, "FIELD_INVALID", "The body is not a JSON object in UTF-8.") from error
    if not isinstance(value, dict):
        raise Problem(400, "FIELD_INVALID", "The body must be a JSON object.")
    known = {**required, **optional}
    violations = [Violation(_shown(name), "unknown field") for name in value if name not in known]
    violations += [Violation(name, "required") for name in required if name not in value]
    for name, kind in known.items():
        if name not in value:
            continue
        if type(value[name]) is not _PYTHON_TYPES[kind]:
            violations.append(Violation(name, f"must be a {kind}"))
        elif kind == "string" and "\x00" in value[name]:
            violations.append(Violation(name, "must not contain NUL"))
        elif kind == "string" and not _is_scalar_text(value[name]):
            violations.append(Violation(name, "must not contain unpaired surrogates"))
    if violations:
        raise Problem(400, "FIELD_INVALID", "The request has invalid fields.", violations=tuple(violations))
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # RFC 8259 leaves duplicates to the parser; two parsers that choose differently are how checks are passed by.
    seen: dict[str, Any] = {}
    for name, value in pairs:
        if name in seen:
            raise Problem(
                400,
                "FIELD_INVALID",
                "The request has invalid fields.",
                violations=(Violation(_shown(name), "given twice"),),
            )
        seen[name] = value
    return seen


def _refuse_constant(name: str) -> NoReturn:
    raise Problem(400, "FIELD_INVALID", f"{name} is not JSON.")


def _shown(name: str) -> str:
    # A name of the caller's choosing goes into our answer: bounded, and with nothing that UTF-8 cannot carry.
    return name[:64].encode("utf-8", "replace").decode()


def _is_scalar_text(text: str) -> bool:
    return not any(0xD800 <= ord(character) <= 0xDFFF for character in text)
