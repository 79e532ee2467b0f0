"""The example over gRPC: google.protobuf.Struct in and out, so that it needs no contract of its own."""

from typing import Any

import grpc
from google.protobuf.struct_pb2 import Struct

from tests.support.records.changes import Changes
from wardenry.callers import caller_of

SERVICE = "records.v1.Records"
#: What each method needs; anything else is refused.
PERMISSIONS = {f"/{SERVICE}/List": "record.read", f"/{SERVICE}/Create": "record.write"}


def register(changes: Changes, server: grpc.aio.Server) -> None:
    """Serve List and Create({"id": …, "text": …})."""

    async def listed(_request: Struct, context: Any) -> Struct:
        answer = Struct()
        answer.update(changes.list(caller_of(context)))
        return answer

    async def created(request: Struct, context: Any) -> Struct:
        await changes.create(caller_of(context), str(request["id"]), str(request["text"]))
        return Struct()

    methods = {
        name: grpc.unary_unary_rpc_method_handler(
            handler, request_deserializer=Struct.FromString, response_serializer=Struct.SerializeToString
        )
        for name, handler in (("List", listed), ("Create", created))
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, methods),))
