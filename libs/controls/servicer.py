"""ControlService, as every service serves it."""

import asyncio
from collections.abc import Mapping
from typing import Any

from libs.controls.examination import Examination
from libs.controls.message import message_of
from wardenry.controls.v1 import control_pb2, control_pb2_grpc
from wardenry.errors.error import NotFound
from wardenry.errors.v1 import reason_pb2


class ControlHandlers(control_pb2_grpc.ControlServiceServicer):
    def __init__(self, *, examinations: Mapping[str, Examination]) -> None:
        """`examinations` are those of this service, by the control's id."""
        self._examinations = examinations
        # An examination may look at every table: however often it is asked for, one is under way.
        self._one_at_a_time = asyncio.Lock()

    async def Examine(  # noqa: N802 - the contract's name
        self, request: control_pb2.ExamineRequest, context: Any
    ) -> control_pb2.ExamineResponse:
        examination = self._examinations.get(request.control)
        if examination is None:
            raise NotFound("This service has no part in this control.", reason=reason_pb2.REASON_NOT_FOUND)
        async with self._one_at_a_time:
            return message_of(await examination())
