"""The services that hold personal data, over gRPC."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import UUID

from services.datarights.domain.errors import ParticipantUnavailable
from wardenry.datarights.v1 import participant_pb2
from wardenry.errors.error import WardenryError
from wardenry.subject_data import Category, Erased, Kept, Obstacle, Row

if TYPE_CHECKING:
    # The typed stub exists for the type checker alone.
    from wardenry.datarights.v1.participant_pb2_grpc import SubjectDataServiceAsyncStub

#: Seconds for an answer, and for everything that an export streams.
_TIMEOUT_SECONDS = 30.0
_EXPORT_SECONDS = 600.0


class GrpcParticipants:
    def __init__(self, *, stubs: Mapping[str, "SubjectDataServiceAsyncStub"]) -> None:
        """By the participants' names."""
        self._stubs = stubs

    async def categories(self, participant: str) -> Sequence[Category]:
        with _translated(participant):
            answer = await self._stubs[participant].Describe(
                participant_pb2.DescribeRequest(), timeout=_TIMEOUT_SECONDS
            )
        return [
            Category(
                name=each.name,
                description=each.description,
                purpose=each.purpose,
                retention=each.retention,
                fields=tuple(each.fields),
            )
            for each in answer.categories
        ]

    async def obstacles(self, participant: str, *, subject: UUID, warrant: str) -> Sequence[Obstacle]:
        request = participant_pb2.FindObstaclesRequest(data_subject=_data_subject(subject, warrant))
        with _translated(participant):
            answer = await self._stubs[participant].FindObstacles(request, timeout=_TIMEOUT_SECONDS)
        return [Obstacle(workspace=UUID(each.workspace_id), name=each.workspace_name) for each in answer.obstacles]

    async def rows(self, participant: str, *, subject: UUID, warrant: str) -> AsyncIterator[Row]:
        request = participant_pb2.ExportRequest(data_subject=_data_subject(subject, warrant))
        with _translated(participant):
            async for each in self._stubs[participant].Export(request, timeout=_EXPORT_SECONDS):
                try:
                    values = json.loads(each.row)
                except ValueError:
                    raise ParticipantUnavailable(participant, "a row is no JSON") from None
                if not isinstance(values, dict):
                    raise ParticipantUnavailable(participant, "a row is no JSON object")
                yield Row(each.category, values)

    async def erase(self, participant: str, *, subject: UUID, warrant: str) -> Erased:
        request = participant_pb2.EraseRequest(data_subject=_data_subject(subject, warrant))
        with _translated(participant):
            answer = await self._stubs[participant].Erase(request, timeout=_TIMEOUT_SECONDS)
        kept = tuple(Kept(category=each.category, obligation=each.obligation) for each in answer.kept)
        return Erased(rows=answer.erased, kept=kept)


def _data_subject(subject: UUID, warrant: str) -> participant_pb2.DataSubject:
    return participant_pb2.DataSubject(subject_id=str(subject), warrant=warrant)


@contextmanager
def _translated(participant: str) -> Iterator[None]:
    try:
        yield
    except WardenryError as error:
        # Whatever it is: the request stays, and is tried again.
        raise ParticipantUnavailable(participant, error.reason_name) from error
