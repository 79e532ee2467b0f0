"""CursorService: how far the log has come with each source's events."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from wardenry.errors.error import PermissionDenied
from wardenry.errors.v1 import reason_pb2
from wardenry.events.v1 import cursor_pb2, cursor_pb2_grpc

from libs.events.position import Position
from libs.rpc.call import call_of


class CursorHandlers(cursor_pb2_grpc.CursorServiceServicer):
    def __init__(self, *, cursors: Callable[[str], Awaitable[Mapping[int, Position]]]) -> None:
        self._cursors = cursors

    async def ListCursors(  # noqa: N802 - the contract's name
        self, request: cursor_pb2.ListCursorsRequest, context: Any
    ) -> cursor_pb2.ListCursorsResponse:
        if request.source != call_of(context).peer:
            raise PermissionDenied("A source sees its own cursors only.", reason=reason_pb2.REASON_PEER_NOT_ALLOWED)
        cursors = await self._cursors(request.source)
        return cursor_pb2.ListCursorsResponse(
            cursors=[
                cursor_pb2.Cursor(bucket=bucket, generation=position.generation, next=position.number)
                for bucket, position in sorted(cursors.items())
            ]
        )
