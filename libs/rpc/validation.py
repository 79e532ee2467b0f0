"""Check: is every field what its rule says. Last before the handler: what only the entitled may ask is not explained
to others."""

from typing import Any

import protovalidate

from wardenry.errors.error import InvalidArgument, Violation
from wardenry.vendored.buf.validate import validate_pb2

#: More than this many broken fields help nobody.
_MOST_VIOLATIONS = 20


def validate(message: Any) -> None:
    """Raises InvalidArgument with the path of each broken field and its rule in words, never with the value."""
    found = protovalidate.collect_violations(message)
    if not found:
        return
    violations = [
        Violation(field=_path(each.proto.field), description=each.proto.message) for each in found[:_MOST_VIOLATIONS]
    ]
    first = violations[0]
    raise InvalidArgument(f"{first.field}: {first.description}", violations=violations)


def warm_up() -> None:
    """Have the first call not wait for the compiler of rules (190 ms)."""
    protovalidate.collect_violations(validate_pb2.FieldPathElement())


def _path(field: Any) -> str:
    path = ""
    for element in field.elements:
        path += f".{element.field_name}" if path else element.field_name
        subscript = element.subscript
        if subscript is not None:
            path += f"[{subscript.value}]"
    return path
