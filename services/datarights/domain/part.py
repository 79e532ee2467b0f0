"""What one participant holds about a person, in pieces of which each fits into memory."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from services.datarights.domain.errors import ParticipantInvalid, PartInvalid
from wardenry.subject_data import Category, Row, Value

#: Bytes after which a piece is full.
PIECE: Final = 4 * 1024 * 1024
#: What an archive's files may be called after.
_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows of one category that follow each other."""

    category: str
    #: From 0.
    number: int
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The rows of one category."""

    category: Category
    rows: int
    #: How many pieces they are in.
    pieces: int
    #: Of all pieces.
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one participant holds."""

    participant: str
    #: The attempt whose pieces they are.
    run: UUID
    tables: tuple[Table, ...]

    def to_bytes(self) -> bytes:
        """As it is kept until the archive is made."""
        tables = [
            [*_words(each.category), list(each.category.fields), each.rows, each.pieces, each.size]
            for each in self.tables
        ]
        return json.dumps({"participant": self.participant, "run": str(self.run), "tables": tables}).encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> "Part":
        """What `to_bytes` gave. Raises PartInvalid."""
        try:
            stated = json.loads(content)
            return cls(
                participant=stated["participant"],
                run=UUID(stated["run"]),
                tables=tuple(
                    Table(
                        category=Category(
                            name=name, description=what, purpose=why, retention=how_long, fields=tuple(fields)
                        ),
                        rows=rows,
                        pieces=pieces,
                        size=size,
                    )
                    for name, what, why, how_long, fields, rows, pieces, size in stated["tables"]
                ),
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            raise PartInvalid from None


class Gathering:
    """Takes a participant's rows one by one and gives them back in pieces."""

    def __init__(self, participant: str, categories: Sequence[Category], *, run: UUID, piece: int = PIECE) -> None:
        """`piece` is the bytes after which one is full. Raises ParticipantInvalid for categories that no archive can
        hold."""
        names = [each.name for each in categories]
        if not all(_NAME.fullmatch(name) for name in names) or len(set(names)) < len(names):
            raise ParticipantInvalid(participant)
        self._participant = participant
        self._run = run
        self._piece = piece
        self._collected = {each.name: _Collected(each) for each in categories}

    def add(self, row: Row) -> Piece | None:
        """A piece that is full by now. Raises ParticipantInvalid for a row that the categories do not describe."""
        collected = self._collected.get(row.category)
        if collected is None or not collected.fits(row.values):
            raise ParticipantInvalid(self._participant)
        collected.add(row.values)
        return collected.piece() if collected.size >= self._piece else None

    def rest(self) -> Iterator[Piece]:
        """The pieces that are not full, at the end."""
        for collected in self._collected.values():
            if collected.size:
                yield collected.piece()

    def part(self) -> Part:
        """What was gathered, after `rest`."""
        tables = tuple(
            Table(category=each.category, rows=each.rows, pieces=each.pieces, size=each.written)
            for each in self._collected.values()
        )
        return Part(participant=self._participant, run=self._run, tables=tables)


class _Collected:
    def __init__(self, category: Category) -> None:
        self.category = category
        self._fields = set(category.fields)
        self._lines: list[bytes] = []
        self.size = 0
        self.rows = 0
        self.pieces = 0
        self.written = 0

    def fits(self, values: Mapping[str, Value]) -> bool:
        return values.keys() <= self._fields and all(_is_value(value) for value in values.values())

    def add(self, values: Mapping[str, Value]) -> None:
        line = json.dumps(dict(values)).encode()
        self._lines.append(line)
        self.size += len(line) + 1
        self.rows += 1

    def piece(self) -> Piece:
        content = b"\n".join(self._lines)
        found = Piece(self.category.name, self.pieces, content)
        self.written += len(content)
        self.pieces += 1
        self._lines.clear()
        self.size = 0
        return found


def rows_of(content: bytes) -> list[Mapping[str, Value]]:
    """The rows of a piece. Raises PartInvalid."""
    try:
        rows = [json.loads(line) for line in content.split(b"\n")]
    except ValueError:
        raise PartInvalid from None
    if not all(isinstance(row, dict) for row in rows):
        raise PartInvalid
    return rows


def _is_value(value: object) -> bool:
    if isinstance(value, list | tuple):
        return all(isinstance(each, str) for each in value)
    return value is None or isinstance(value, str | int)


def _words(category: Category) -> list[str]:
    return [category.name, category.description, category.purpose, category.retention]
