"""SubjectDataService for any service that holds personal data: checks the warrant, asks the service, renders."""

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from wardenry.datarights.v1 import participant_pb2, participant_pb2_grpc
from wardenry.subject_data import Participant
from wardenry.warrants import ACCESS, ERASURE, RECTIFICATION, WarrantVerifier


class SubjectDataHandlers(participant_pb2_grpc.SubjectDataServiceServicer):
    """Nothing is shown, corrected or removed without a warrant for just this person and right."""

    def __init__(self, *, participant: Participant, warrants: WarrantVerifier) -> None:
        self._participant = participant
        self._warrants = warrants

    async def Describe(  # noqa: N802 - the contract's name
        self, request: participant_pb2.DescribeRequest, context: Any
    ) -> participant_pb2.DescribeResponse:
        return participant_pb2.DescribeResponse(
            categories=[
                participant_pb2.DataCategory(
                    name=each.name,
                    description=each.description,
                    purpose=each.purpose,
                    retention=each.retention,
                    fields=each.fields,
                )
                for each in self._participant.categories()
            ]
        )

    async def FindObstacles(  # noqa: N802 - the contract's name
        self, request: participant_pb2.FindObstaclesRequest, context: Any
    ) -> participant_pb2.FindObstaclesResponse:
        subject = await self._verified(request.data_subject, ERASURE)
        return participant_pb2.FindObstaclesResponse(
            obstacles=[
                participant_pb2.FindObstaclesResponse.Obstacle(
                    workspace_id=str(each.workspace), workspace_name=each.name
                )
                for each in await self._participant.obstacles(subject)
            ]
        )

    async def Export(  # noqa: N802 - the contract's name
        self, request: participant_pb2.ExportRequest, context: Any
    ) -> AsyncIterator[participant_pb2.ExportResponse]:
        subject = await self._verified(request.data_subject, ACCESS)
        async for row in self._participant.rows(subject):
            yield participant_pb2.ExportResponse(
                category=row.category, row=json.dumps(dict(row.values), ensure_ascii=False)
            )

    async def Rectify(  # noqa: N802 - the contract's name
        self, request: participant_pb2.RectifyRequest, context: Any
    ) -> participant_pb2.RectifyResponse:
        subject = await self._verified(request.data_subject, RECTIFICATION)
        corrected = await self._participant.rectify(subject, field=request.field, value=request.value)
        return participant_pb2.RectifyResponse(corrected=corrected)

    async def Erase(  # noqa: N802 - the contract's name
        self, request: participant_pb2.EraseRequest, context: Any
    ) -> participant_pb2.EraseResponse:
        erased = await self._participant.erase(await self._verified(request.data_subject, ERASURE))
        return participant_pb2.EraseResponse(
            erased=erased.rows,
            kept=[
                participant_pb2.EraseResponse.Kept(category=each.category, obligation=each.obligation)
                for each in erased.kept
            ],
        )

    async def _verified(self, whose: participant_pb2.DataSubject, right: str) -> UUID:
        subject = UUID(whose.subject_id)
        await self._warrants.verify(whose.warrant, subject=subject, right=right)
        return subject
