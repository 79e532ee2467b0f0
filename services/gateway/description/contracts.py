"""What the contracts say in words: the comments of the protos, which generated code does not keep."""

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import grpc
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from libs.db.schemas import ROOT

#: Numbers of fields in google/protobuf/descriptor.proto: a location is a path of them.
_MESSAGES, _ENUMS, _SERVICES, _FIELDS, _VALUES, _METHODS = 4, 5, 6, 2, 2, 2
_NESTED_MESSAGES, _NESTED_ENUMS = 3, 4
_ERRORS = re.compile(r"\s*Errors:(.*)", re.DOTALL)
_REASON = re.compile(r"REASON_[A-Z_]+")


class Contracts:
    """The comments of messages, fields, enums, values, services and RPCs, by their full names."""

    def __init__(self, comments: Mapping[str, str]) -> None:
        self._comments = comments

    def comment(self, name: str) -> str:
        """What is said of it; of an RPC without its errors."""
        return _ERRORS.sub("", self._comments[name])

    def errors(self, rpc: str) -> Sequence[str]:
        """The reasons that an RPC names in its comment."""
        return _REASON.findall("".join(_ERRORS.findall(self._comments[rpc])))

    def code(self, reason: str) -> grpc.StatusCode:
        """The code that a reason comes with: its comment begins with it."""
        return grpc.StatusCode[self._reason(reason).partition(":")[0]]

    def meaning(self, reason: str) -> str:
        """What a reason means."""
        text = self._reason(reason).partition(":")[2].strip()
        return text[:1].upper() + text[1:]

    def _reason(self, reason: str) -> str:
        return self._comments[f"wardenry.errors.v1.{reason}"]


def read_contracts() -> Contracts:
    """Reads protos/. Raises CalledProcessError where they cannot be parsed."""
    protos = ROOT / "protos"
    with TemporaryDirectory() as directory:
        out = Path(directory) / "descriptors"
        files = sorted(str(path.relative_to(protos)) for path in protos.glob("wardenry/*/v1/*.proto"))
        protoc = [sys.executable, "-m", "grpc_tools.protoc", f"-I{protos}", "--include_source_info"]
        subprocess.run([*protoc, f"--descriptor_set_out={out}", *files], check=True)  # noqa: S603 - our own files
        found = FileDescriptorSet.FromString(out.read_bytes())
    return Contracts({name: comment for file in found.file for name, comment in _comments(file)})


def _comments(file: FileDescriptorProto) -> Iterator[tuple[str, str]]:
    names = dict(_names(file))
    for location in file.source_code_info.location:
        name = names.get(tuple(location.path))
        if name is not None:
            yield name, " ".join(location.leading_comments.split())


def _names(file: FileDescriptorProto) -> Iterator[tuple[tuple[int, ...], str]]:
    package = file.package
    for i, message in enumerate(file.message_type):
        yield from _in_message(message, (_MESSAGES, i), package)
    for i, enum in enumerate(file.enum_type):
        yield from _in_enum(enum, (_ENUMS, i), package)
    for i, service in enumerate(file.service):
        name = f"{package}.{service.name}"
        yield (_SERVICES, i), name
        for j, method in enumerate(service.method):
            yield (_SERVICES, i, _METHODS, j), f"{name}.{method.name}"


def _in_message(message: Any, path: tuple[int, ...], scope: str) -> Iterator[tuple[tuple[int, ...], str]]:
    name = f"{scope}.{message.name}"
    yield path, name
    for i, field in enumerate(message.field):
        yield (*path, _FIELDS, i), f"{name}.{field.name}"
    for i, nested in enumerate(message.nested_type):
        yield from _in_message(nested, (*path, _NESTED_MESSAGES, i), name)
    for i, enum in enumerate(message.enum_type):
        yield from _in_enum(enum, (*path, _NESTED_ENUMS, i), name)


def _in_enum(enum: Any, path: tuple[int, ...], scope: str) -> Iterator[tuple[tuple[int, ...], str]]:
    yield path, f"{scope}.{enum.name}"
    for i, value in enumerate(enum.value):
        # The names of values stand beside their enum, not in it.
        yield (*path, _VALUES, i), f"{scope}.{value.name}"
