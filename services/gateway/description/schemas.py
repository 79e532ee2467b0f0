"""Schemas (JSON Schema 2020-12, as OpenAPI 3.1 has it) of what is sent and answered."""

from collections.abc import Mapping
from typing import Any, cast

import msgspec
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from services.gateway.api.operation import Input
from services.gateway.description.contracts import Contracts
from wardenry.vendored.buf.validate import validate_pb2

Schema = dict[str, Any]
REFERENCE = "#/components/schemas/{name}"
_TIMESTAMP = "google.protobuf.Timestamp"
_UNSIGNED = {FieldDescriptor.TYPE_UINT32: "uint32", FieldDescriptor.TYPE_UINT64: "uint64"}
#: What a whole number in a query may be (services/gateway/api/audit.py): as many digits as fit the field.
_MOST = {FieldDescriptor.TYPE_UINT32: 10**9 - 1, FieldDescriptor.TYPE_UINT64: 10**18 - 1}


class UnknownRule(Exception):
    """A rule of a field that is not described yet. The text names the field."""


class Schemas:
    """The schemas of answers, by name; those of inputs stand where they are used."""

    def __init__(self, contracts: Contracts) -> None:
        self._contracts = contracts
        self.named: dict[str, Schema] = {}

    # Answers

    def of_answer(self, answer: type) -> Schema:
        """A reference to the schema of what an operation answers."""
        if issubclass(answer, Message):
            return self._reference(answer.DESCRIPTOR)
        _, named = msgspec.json.schema_components([answer], ref_template=REFERENCE)
        self.named.update(named)
        return {"$ref": REFERENCE.format(name=answer.__name__)}

    def _reference(self, message: Any) -> Schema:
        name = message.name
        if name not in self.named:
            self.named[name] = {}  # it may name itself
            self.named[name] = self._of_message(message)
        return {"$ref": REFERENCE.format(name=name)}

    def _of_message(self, message: Descriptor) -> Schema:
        return {
            "type": "object",
            "description": self._contracts.comment(message.full_name),
            "properties": {each.name: self._of_field(each) for each in message.fields},
            # `edge/rendering.py` leaves nothing out.
            "required": [each.name for each in message.fields],
        }

    def _of_field(self, field: Any) -> Schema:
        comment = self._contracts.comment(field.full_name)
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            return {
                "type": "object",
                "additionalProperties": {"type": "string"},
                "description": comment,
            }
        if field.is_repeated:
            return {"type": "array", "items": self._of_value(field), "description": comment}
        value = self._of_value(field)
        if field.message_type is not None and "absent" in comment:
            value = {"anyOf": [value, {"type": "null"}]}
        return {**value, "description": comment}

    def _of_value(self, field: Any) -> Schema:
        if field.message_type is not None:
            if field.message_type.full_name == _TIMESTAMP:
                return {"type": "string", "format": "date-time"}
            return self._reference(field.message_type)
        if field.enum_type is not None:
            return {"type": "string", "enum": [value.name for value in field.enum_type.values if value.number]}
        if field.type in _UNSIGNED:
            return {"type": "integer", "format": _UNSIGNED[field.type], "minimum": 0}
        if field.type == FieldDescriptor.TYPE_BOOL:
            return {"type": "boolean"}
        if field.type == FieldDescriptor.TYPE_BYTES:
            return {"type": "string", "contentEncoding": "base64"}
        return {"type": "string"}

    # Inputs

    def of_body(self, fields: Mapping[str, Input]) -> Schema:
        """The object that a request carries: these fields and no others."""
        return {
            "type": "object",
            "properties": {name: self.of_input(each) for name, each in fields.items()},
            "required": [name for name, each in fields.items() if each.required],
            "additionalProperties": False,
        }

    def of_input(self, given: Input) -> Schema:
        """The schema of one field or parameter. Raises UnknownRule."""
        rule = given.rule
        schema: Schema = {"type": given.kind, **given.schema}
        if given.choices:
            schema["enum"] = list(given.choices)
        elif rule is not None:
            schema |= _of_rule(rule)
        description = given.description or (self._contracts.comment(rule.full_name) if rule is not None else "")
        return {**schema, "description": description}


def _of_rule(field: FieldDescriptor) -> Schema:
    rules: Any = field.GetOptions().Extensions[cast(Any, validate_pb2.field)]
    if field.message_type is not None and field.message_type.full_name == _TIMESTAMP:
        return {"format": "date-time"}
    if field.type in _UNSIGNED:
        return _of_number(field, getattr(rules, _UNSIGNED[field.type]))
    if field.type == FieldDescriptor.TYPE_STRING:
        # One of several is sent as itself; left empty it is none of them.
        return _of_items(field, rules.repeated.items.string) if field.is_repeated else _of_text(field, rules.string)
    if field.type == FieldDescriptor.TYPE_BOOL:
        return {}
    raise UnknownRule(field.full_name)


def _of_number(field: FieldDescriptor, rules: Any) -> Schema:
    schema: Schema = {"type": "integer", "minimum": 0, "maximum": _MOST[field.type]}
    for rule, value in rules.ListFields():
        match rule.name:
            case "gte":
                schema["minimum"] = value
            case "lte":
                schema["maximum"] = value
            case _:
                raise UnknownRule(f"{field.full_name}: {rule.name}")
    return schema


def _of_items(field: FieldDescriptor, rules: Any) -> Schema:
    return {name: value for name, value in _of_text(field, rules).items() if name != "minLength"}


def _of_text(field: FieldDescriptor, rules: Any) -> Schema:
    schema: Schema = {}
    for rule, value in rules.ListFields():
        match rule.name:
            case "min_len":
                schema["minLength"] = value
            case "max_len":
                schema["maxLength"] = value
            case "pattern":
                schema["pattern"] = value
            case "uuid":
                schema["format"] = "uuid"
            case "in":
                schema["enum"] = list(value)
            case _:
                raise UnknownRule(f"{field.full_name}: {rule.name}")
    return schema
