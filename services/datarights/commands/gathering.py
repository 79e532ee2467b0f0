"""From what the participants send to an archive. Neither is ever in memory as a whole."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from uuid import UUID

from services.datarights.commands.sealing import (
    ARCHIVE_LIST,
    SealedObjects,
    archive_piece,
    part_of,
    rows_piece,
)
from services.datarights.domain.archive import ArchiveWriter, CsvFile, JsonFile, Subject, cell
from services.datarights.domain.errors import ObjectsUnavailable, ParticipantUnavailable, PartInvalid
from services.datarights.domain.page import SHOWN, Section
from services.datarights.domain.part import PIECE, Gathering, Part, Piece, Table, rows_of
from services.datarights.domain.ports import Participants, UnitsOfWork, Warrants
from services.datarights.domain.request import HEARING, ITSELF, LOG, PARTICIPANTS, Lease, Request
from wardenry.clock import Clock
from wardenry.log.note import NoteSigner
from wardenry.subject_data import Category, Row

_REQUESTS = Category(
    name="requests",
    description="Requests of the person about their own data.",
    purpose="Meeting them in time, and showing that they were met.",
    retention="For good, as evidence.",
    fields=("request_id", "right", "created_at", "due_at", "completed_at", "archive_fetched_at"),
)
#: Of a value that the page shows; the files have all of it.
_LONGEST_SHOWN = 2_000
_PAGE = 100


class GatherPart:
    """Asks a participant for what it holds, and stores it sealed, piece by piece; the list of the pieces comes last."""

    def __init__(
        self,
        *,
        work: UnitsOfWork,
        participants: Participants,
        warrants: Warrants,
        sealed: SealedObjects,
        clock: Clock,
        piece: int = PIECE,
    ) -> None:
        """`piece` is the bytes after which one is full."""
        self._clock = clock
        self._work = work
        self._participants = participants
        self._warrants = warrants
        self._sealed = sealed
        self._piece = piece

    async def __call__(self, lease: Lease, request: Request, participant: str) -> Part:
        """Raises ParticipantUnavailable, ParticipantInvalid, WarrantsUnavailable, KeysUnavailable, PersonErased,
        ObjectsUnavailable."""
        if participant == ITSELF:
            categories: Sequence[Category] = (_REQUESTS,)
            rows = self._own_rows(request)
        else:
            warrant = await self._warrants.warrant(subject=request.subject, request=request.id)
            categories = await self._participants.categories(participant)
            rows = self._participants.rows(participant, subject=request.subject, warrant=warrant)
        gathering = Gathering(participant, categories, run=lease.id, piece=self._piece)
        heard = participant != LOG or self._clock.now() > request.created_at + HEARING
        async for row in rows:
            heard = heard or row.values.get("target_id") == str(request.id)
            piece = gathering.add(row)
            if piece is not None:
                await self._put(lease, request, participant, piece)
        if not heard:
            raise ParticipantUnavailable(participant, "has not heard of the request yet, nor maybe of what was before")
        for piece in gathering.rest():
            await self._put(lease, request, participant, piece)
        part = gathering.part()
        await self._sealed.put(request, part_of(participant), part.to_bytes())
        return part

    async def _put(self, lease: Lease, request: Request, participant: str, piece: Piece) -> None:
        name = rows_piece(lease.id, participant, piece.category, piece.number)
        await self._sealed.put(request, name, piece.content)

    async def _own_rows(self, request: Request) -> AsyncIterator[Row]:
        before = None
        while True:
            async with self._work.begin(request.subject) as work:
                found = await work.requests.page(before=before, limit=_PAGE)
            for each in found:
                yield Row(
                    _REQUESTS.name,
                    {
                        "request_id": str(each.id),
                        "right": each.right,
                        "created_at": each.created_at.isoformat(),
                        "due_at": each.due_at.isoformat(),
                        "completed_at": each.completed_at.isoformat() if each.completed_at else None,
                        "archive_fetched_at": each.archive_fetched_at.isoformat() if each.archive_fetched_at else None,
                    },
                )
            if len(found) < _PAGE:
                return
            before = found[-1].id


class AssembleArchive:
    """Makes the archive of the gathered parts."""

    def __init__(
        self, *, gather: GatherPart, sealed: SealedObjects, signer: NoteSigner, clock: Clock, piece: int = PIECE
    ) -> None:
        """`piece` is the bytes after which one is full."""
        self._gather = gather
        self._sealed = sealed
        self._signer = signer
        self._clock = clock
        self._piece = piece

    async def __call__(self, lease: Lease, request: Request) -> None:
        """What is not there any more is gathered anew. Raises what GatherPart does."""
        writer = ArchiveWriter(Subject(subject=request.subject, request=request.id, created_at=self._clock.now()))
        pieces = _ArchivePieces(self._sealed, request, run=lease.id, writer=writer, size=self._piece)
        sections = []
        for participant in (*PARTICIPANTS, ITSELF):
            part = await self._part(lease, request, participant)
            for table in part.tables:
                with writer.as_json(participant, table) as as_json:
                    rows = await self._written(request, part, table, as_json, pieces)
                with writer.as_csv(participant, table) as as_csv:
                    await self._written(request, part, table, as_csv, pieces)
                sections.append(Section(participant=participant, table=table, rows=rows))
        await asyncio.to_thread(writer.end, sections, sign=self._signer.sign)
        await pieces.end()

    async def _part(self, lease: Lease, request: Request, participant: str) -> Part:
        content = await self._sealed.get(request, part_of(participant))
        try:
            if content is not None:
                return Part.from_bytes(content)
        except PartInvalid:
            pass
        return await self._gather(lease, request, participant)

    async def _written(
        self, request: Request, part: Part, table: Table, file: JsonFile | CsvFile, pieces: "_ArchivePieces"
    ) -> list[dict[str, str]]:
        """Writes the table's rows; answers the first ones, as the page shows them."""
        shown: list[dict[str, str]] = []
        for number in range(table.pieces):
            name = rows_piece(part.run, part.participant, table.category.name, number)
            content = await self._sealed.get(request, name)
            if content is None:
                # The next attempt finds no list, and gathers anew.
                await self._sealed.remove(request, part_of(part.participant))
                raise ObjectsUnavailable("what was gathered is not there any more")
            rows = await asyncio.to_thread(rows_of, content)
            await asyncio.to_thread(file.add, rows)
            await pieces.store()
            shown += [
                {field: cell(value)[:_LONGEST_SHOWN] for field, value in row.items()}
                for row in rows[: SHOWN - len(shown)]
            ]
        return shown


class _ArchivePieces:
    """The archive's bytes on their way to the object store."""

    def __init__(self, sealed: SealedObjects, request: Request, *, run: UUID, writer: ArchiveWriter, size: int) -> None:
        self._sealed = sealed
        self._request = request
        self._run = run
        self._writer = writer
        self._size = size
        self._stored = 0

    async def store(self) -> None:
        """Stores what is made, when it is a piece by now."""
        if self._writer.waiting >= self._size:
            await self._store()

    async def end(self) -> None:
        """Stores the rest, and then the list."""
        await self._store()
        stated = {"run": str(self._run), "pieces": self._stored}
        await self._sealed.put(self._request, ARCHIVE_LIST, json.dumps(stated).encode())

    async def _store(self) -> None:
        await self._sealed.put(self._request, archive_piece(self._run, self._stored), self._writer.take())
        self._stored += 1


class ReadArchive:
    """Reads an archive piece by piece."""

    def __init__(self, *, sealed: SealedObjects) -> None:
        self._sealed = sealed

    async def __call__(self, request: Request) -> AsyncGenerator[bytes, None]:
        """Nothing when there is none. Raises KeysUnavailable, PersonErased; ObjectsUnavailable also when a piece is
        missing."""
        content = await self._sealed.get(request, ARCHIVE_LIST)
        if content is None:
            return
        stated = json.loads(content)
        for number in range(stated["pieces"]):
            piece = await self._sealed.get(request, archive_piece(UUID(stated["run"]), number))
            if piece is None:
                raise ObjectsUnavailable("a piece of the archive is missing")
            yield piece
