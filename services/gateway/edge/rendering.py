"""Protobuf messages as JSON: names as in the contract, integers as numbers, times as RFC 3339, bytes as base64."""

import base64
from datetime import UTC
from typing import Any

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp


def rendered(message: Message) -> dict[str, Any]:
    """`message` as a JSON object. Absent sub-messages are null; everything else is always there."""
    result: dict[str, Any] = {}
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            result[field.name] = dict(value)
        elif field.is_repeated:
            result[field.name] = [_value(field, item) for item in value]
        elif field.message_type is not None and not message.HasField(field.name):
            result[field.name] = None
        else:
            result[field.name] = _value(field, value)
    return result


def moment(timestamp: Timestamp) -> str:
    """RFC 3339 in UTC with milliseconds."""
    return timestamp.ToDatetime(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _value(field: Any, value: Any) -> Any:
    if isinstance(value, Timestamp):
        return moment(value)
    if isinstance(value, Message):
        return rendered(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if field.enum_type is not None:
        return field.enum_type.values_by_number[value].name
    return value
