"""Answering relays that ask how far this service has come."""

from typing import Any

from libs.events.cursors import CursorReader
from libs.rpc.call import call_of
from wardenry.errors.error import PermissionDenied
from wardenry.errors.v1 import reason_pb2
from wardenry.events.v1 import cursor_pb2, cursor_pb2_grpc


class CursorServicer(cursor_pb2_grpc.CursorServiceServicer):
    """wardenry.events.v1.CursorService, the same in every service that consumes."""

    def __init__(self, *, cursors: CursorReader) -> None:
        self._cursors = cursors

    async def ListCursors(  # noqa: N802 - the contract's name
        self, request: cursor_pb2.ListCursorsRequest, context: Any
    ) -> cursor_pb2.ListCursorsResponse:
        """The cursors on the caller's own buckets."""
        if call_of(context).peer != request.source:
            raise PermissionDenied("A source may ask about itself only.", reason=reason_pb2.REASON_PEER_NOT_ALLOWED)
        cursors = await self._cursors.list_cursors(request.source)
        return cursor_pb2.ListCursorsResponse(
            cursors=[
                cursor_pb2.Cursor(bucket=bucket, generation=position.generation, next=position.number)
                for bucket, position in cursors.items()
            ]
        )
