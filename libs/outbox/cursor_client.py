"""Asking a consumer over gRPC how far it has come."""

from collections.abc import Mapping

import grpc

from libs.events.position import Position
from libs.outbox.cursors import CursorsUnavailable
from wardenry.errors.error import WardenryError
from wardenry.events.v1 import cursor_pb2, cursor_pb2_grpc


class GrpcCursorClient:
    def __init__(self, *, name: str, channel: grpc.aio.Channel, timeout: float = 2.0) -> None:
        """`name` is the consuming service, `channel` one of libs.rpc that leads there; `timeout` in seconds."""
        self.name = name
        self._stub = cursor_pb2_grpc.CursorServiceStub(channel)
        self._timeout = timeout

    async def list_cursors(self, source: str) -> Mapping[int, Position]:
        try:
            response = await self._stub.ListCursors(cursor_pb2.ListCursorsRequest(source=source), timeout=self._timeout)
        except WardenryError as error:
            raise CursorsUnavailable(f"{self.name}: {error.reason_name}") from error
        return {cursor.bucket: Position(cursor.generation, cursor.next) for cursor in response.cursors}
