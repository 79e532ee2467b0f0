"""Archives: whole, signed, and safe to open."""

import contextlib
import csv
import io
import json
import random
import tracemalloc
import zipfile
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from services.datarights.domain.archive import ArchiveWriter, Subject, cell
from services.datarights.domain.errors import ParticipantInvalid, PartInvalid
from services.datarights.domain.page import Section
from services.datarights.domain.part import Gathering, Part, Table, rows_of
from tests.support.vectors import vectors_of
from tests.support.zips import plain_file
from wardenry.archive import MANIFEST, ArchiveInvalid, Manifest
from wardenry.archive_verification import verify_archive
from wardenry.log.note import NoteSigner, VerifierKey
from wardenry.subject_data import Category, Row

RUN = UUID("019ab2c0-7a00-7000-8000-00000000000a")
SIGNER = NoteSigner(name="example.org/archive", seed=bytes(32))
WHOSE = Subject(
    subject=UUID("019ab2c0-7a00-7000-8000-000000000001"),
    request=UUID("019ab2c0-7a00-7000-8000-000000000009"),
    created_at=datetime(2026, 11, 22, 4, 30, tzinfo=UTC),
)


def category(name: str = "account", fields: tuple[str, ...] = ("name", "tags", "count")) -> Category:
    return Category(name=name, description="<What>", purpose="Why", retention="How long", fields=fields)


class Gathered:
    """What a participant sent, in pieces."""

    def __init__(self, *rows: dict[str, object], of: Category | None = None, piece: int = 40) -> None:
        found = of or category()
        gathering = Gathering("identity", [found], run=RUN, piece=piece)
        pieces = [gathering.add(Row(found.name, row)) for row in rows]  # type: ignore[arg-type] # the tests'
        self.pieces = [each for each in (*pieces, *gathering.rest()) if each is not None]
        self.part = gathering.part()


def part(*rows: dict[str, object], of: Category | None = None) -> Gathered:
    return Gathered(*rows, of=of)


def archive(whose: Subject, gathered: list[Gathered]) -> bytes:
    writer = ArchiveWriter(whose)
    made = b""
    sections = []
    for each in gathered:
        (table,) = each.part.tables
        rows = [rows_of(piece.content) for piece in each.pieces]
        with writer.as_json(each.part.participant, table) as as_json:
            for some in rows:
                as_json.add(some)
                made += writer.take()
        with writer.as_csv(each.part.participant, table) as as_csv:
            for some in rows:
                as_csv.add(some)
        shown = [{field: cell(value) for field, value in row.items()} for some in rows for row in some]
        sections.append(Section(participant=each.part.participant, table=table, rows=shown))
    writer.end(sections, sign=SIGNER.sign)
    return made + writer.take()


def packed(*gathered: Gathered) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(archive(WHOSE, list(gathered))))


@pytest.mark.parametrize("vector", vectors_of("archive"), ids=lambda vector: str(vector["what"]))
def test_vector(vector: dict[str, Any]) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        for name, content in vector["contents"].items():
            made.writestr(plain_file(name), content)
        made.writestr(plain_file(MANIFEST), vector["signed"])
    manifest = verify_archive(file, VerifierKey.parse(vector["verifier_key"]))
    assert (str(manifest.request), str(manifest.subject)) == (vector["request"], vector["subject"])
    assert manifest.text() == vector["text"]


def test_an_archive_is_what_was_signed() -> None:
    made = archive(WHOSE, [part({"name": "Ada", "tags": ["a", "b"], "count": 3})])
    manifest = verify_archive(io.BytesIO(made), SIGNER.key)
    assert (manifest.subject, manifest.request, manifest.created_at) == (WHOSE.subject, WHOSE.request, WHOSE.created_at)
    assert set(manifest.files) == {"index.html", "data/identity/account.json", "data/identity/account.csv"}
    with zipfile.ZipFile(io.BytesIO(made)) as file:
        rows = json.loads(file.read("data/identity/account.json"))["rows"]
        assert rows == [{"name": "Ada", "tags": ["a", "b"], "count": 3}]
        cells = list(csv.reader(io.StringIO(file.read("data/identity/account.csv").decode(), newline="")))
    assert cells == [["name", "tags", "count"], ["Ada", "a, b", "3"]]
    with pytest.raises(ArchiveInvalid):
        verify_archive(io.BytesIO(made), NoteSigner(name="example.org/archive", seed=bytes([1]) * 32).key)


@pytest.mark.parametrize("change", ["altered", "added", "missing", "doubled", "unsigned", "no archive"])
def test_an_archive_that_was_changed_is_refused(change: str) -> None:
    made = archive(WHOSE, [part({"name": "Ada"})])
    altered = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(made)) as file, zipfile.ZipFile(altered, "w") as other:
        for name in file.namelist():
            content = file.read(name)
            if name == "index.html" and change == "missing":
                continue
            if name == "index.html" and change == "altered":
                content += b" "
            if name == MANIFEST and change == "unsigned":
                content = content.replace(b"Ada", b"Eve").partition(b"\xe2\x80\x94")[0]
            other.writestr(plain_file(name), content)
        if change == "added":
            other.writestr(plain_file("data/more.txt"), "")
        if change == "doubled":
            with pytest.warns(UserWarning, match="Duplicate"):
                other.writestr(plain_file("index.html"), "another")
    with pytest.raises(ArchiveInvalid):
        verify_archive(io.BytesIO(b"PK" if change == "no archive" else altered.getvalue()), SIGNER.key)


def test_whatever_byte_is_changed_it_is_the_same_archive_or_none() -> None:
    rows: list[dict[str, object]] = [{"name": f"Ada {number}", "count": number} for number in range(50)]
    made = archive(WHOSE, [part(*rows)])
    signed = verify_archive(io.BytesIO(made), SIGNER.key)
    chance = random.Random(7)  # noqa: S311 - which bytes, not a secret
    for _ in range(3_000):
        changed = bytearray(made)
        for _ in range(chance.choice((1, 1, 4))):
            changed[chance.randrange(len(made))] = chance.randrange(256)
        with contextlib.suppress(ArchiveInvalid):
            # There may be more than one way to pack the same content.
            assert verify_archive(io.BytesIO(bytes(changed[: chance.choice((None, -9))])), SIGNER.key) == signed


def test_a_manifest_that_unpacks_without_end_is_not_unpacked() -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w") as file:
        file.writestr(plain_file(MANIFEST, method=zipfile.ZIP_DEFLATED), b"\0" * 50_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(ArchiveInvalid):
            verify_archive(bomb, SIGNER.key)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", ["../escape", "/etc/passwd", "a b", "A", "x\ny", "", "con:", "data\\x"])
def test_no_name_leads_out_of_the_archive(name: str) -> None:
    with pytest.raises(ParticipantInvalid):
        part({"name": "Ada"}, of=category(name))
    with pytest.raises(ArchiveInvalid):
        Manifest(
            request=WHOSE.request, subject=WHOSE.subject, created_at=WHOSE.created_at, files={f"{name}.json": ""}
        ).text()


def test_a_spreadsheet_shows_and_a_page_shows_and_neither_runs() -> None:
    evil = '=cmd|"/c calc"!A0<script>alert(1)</script>\r\n\u202eevil\ud800'
    with packed(part({"name": evil, "tags": ["=1", "@x"], "count": -1})) as file:
        text = file.read("data/identity/account.csv").decode()
        page = file.read("index.html").decode()
        assert json.loads(file.read("data/identity/account.json"))["rows"][0]["tags"] == ["=1", "@x"]
    (_, row) = csv.reader(io.StringIO(text, newline=""))
    assert row[0].startswith("'=cmd")
    assert row[1:] == ["'=1, @x", "'-1"]
    assert "\u202e" not in text
    assert "\r\n=" not in text
    assert "<script" not in page
    assert "&lt;What&gt;" in page
    assert "\u202e" not in page
    assert "default-src 'none'" in page


def test_the_page_is_by_service_with_plain_names_and_times_with_their_zone() -> None:
    rows: list[dict[str, object]] = [
        {"name": "Ada", "ip_address": "192.0.2.1", "created_at": "2026-11-22T05:30:07.123456+01:00", "ended_at": None},
        {"name": "<b>", "ip_address": "", "created_at": "2026-11-22T05:30:07", "ended_at": "20261122"},
    ]
    fields = ("name", "ip_address", "created_at", "ended_at")
    with packed(part(*rows, of=category("sign-ins", fields)), part(rows[0], of=category("account", fields))) as file:
        page = file.read("index.html").decode()
    assert page.count('<section id="identity"><h2>Your account</h2>') == 1
    assert 'gathered on <time datetime="2026-11-22T04:30:00Z">22 November 2026, 04:30:00 UTC</time>' in page
    assert "<h3>Sign-ins" not in page
    assert "<h3>Sign ins <small>2 records</small></h3>" in page
    # What has a zone is shown in UTC; what has none is shown as it is.
    assert page.count("22 November 2026, 04:30:07 UTC") == 2
    assert '<td data-label="Created">2026-11-22T05:30:07</td>' in page
    assert '<td data-label="Ended">20261122</td>' in page
    assert '<td data-label="IP address" class="none">–</td>' in page
    assert "&lt;b&gt;" in page
    assert 'href="data/identity/sign-ins.json"' in page
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")


@pytest.mark.parametrize(
    "text",
    [
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "2026-11-22T05:30:07+25:00",
        "2026-11-22T05:30:07+01:00",
        "2026-11-22T05:30:07Z",
    ],
)
@pytest.mark.parametrize("count", [1, 2])
def test_a_name_that_looks_like_a_time_is_shown_as_it_is(text: str, count: int) -> None:
    rows: list[dict[str, object]] = [{"name": text}] * count
    with packed(part(*rows)) as file:
        page = file.read("index.html").decode()
    assert page.count(text) == count


@pytest.mark.parametrize(
    "text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "never", "\ud800", "1" * 2_000]
)
def test_a_time_that_is_none_is_shown_as_it_is(text: str) -> None:
    with packed(part({"ended_at": text}, of=category(fields=("ended_at",)))) as file:
        assert text.replace("\ud800", "\\u{d800}") in file.read("index.html").decode()


_VALUES = [
    None,
    True,
    0,
    -1,
    10**4_299,
    "",
    "'",
    '"',
    '",\r\n=1',
    "\0",
    "\x1b[2J",
    "\ud800",
    "\udfff\ud800",
    "\u2028\u2029",
    "\u202e",
    "\U0010ffff",
    "a" * 1_000_000,
    "\0" * 300_000,
    [],
    [""],
    ["\ud800", "\0", ","],
    ["=1"] * 1_000,
]


@pytest.mark.parametrize("value", _VALUES, ids=lambda value: ascii(value)[:20])
@pytest.mark.parametrize("field", ["name", "created_at"])
def test_whatever_is_held_there_is_an_archive_of_it(field: str, value: object) -> None:
    made = archive(WHOSE, [part({field: value}, {}, of=category(fields=(field,))), part(of=category("none", ()))])
    assert verify_archive(io.BytesIO(made), SIGNER.key).files.keys() > {"data/identity/account.csv"}


def test_a_table_of_many_rows_that_say_nothing_is_announced_as_a_large_one() -> None:
    said: dict[int, int] = {}
    for rows in (1, 20_000_000):
        table = Table(category=category(), rows=rows, pieces=1, size=3 * rows)
        writer = ArchiveWriter(WHOSE)
        with writer.as_json("identity", table):
            pass
        with writer.as_csv("identity", table):
            pass
        writer.end([], sign=SIGNER.sign)
        made = writer.take()
        assert verify_archive(io.BytesIO(made), SIGNER.key)
        # Of the first header: the length of the field for large sizes.
        said[rows] = int.from_bytes(made[28:30], "little")
    assert said == {1: 0, 20_000_000: 20}


@pytest.mark.parametrize("value", [{}, {"a": {"b": "c"}}, [[]], [None], 0.5, float("nan"), b"a"], ids=ascii)
def test_what_has_no_place_in_a_cell_is_refused_as_it_comes(value: object) -> None:
    with pytest.raises(ParticipantInvalid):
        part({"name": value})


@pytest.mark.parametrize(
    "row",
    [
        Row("account", {"name": "Ada", "secret": "x"}),
        Row("others", {}),
        Row("account", {"name": {"first": "Ada"}}),  # type: ignore[dict-item] # what a participant should not send
        Row("account", {"count": 1.5}),  # type: ignore[dict-item] # the same
        Row("account", {"tags": ["a", 1]}),  # type: ignore[list-item] # the same
    ],
    ids=str,
)
def test_a_row_that_no_archive_can_hold_is_refused_as_it_comes(row: Row) -> None:
    gathering = Gathering("identity", [category()], run=RUN)
    gathering.add(Row("account", {"name": "Ada", "tags": ["a"], "count": True}))
    with pytest.raises(ParticipantInvalid):
        gathering.add(row)


@pytest.mark.parametrize("names", [["../escape"], ["A"], [""], ["a", "a"]], ids=str)
def test_categories_that_no_archive_can_hold_are_refused_before_their_rows(names: list[str]) -> None:
    with pytest.raises(ParticipantInvalid):
        Gathering("identity", [category(name) for name in names], run=RUN)


def test_rows_are_gathered_in_pieces_and_none_is_lost() -> None:
    rows: list[dict[str, object]] = [
        {"name": f"Ada {number}\n", "tags": None, "count": number} for number in range(100)
    ]
    gathered = Gathered(*rows, piece=500)
    (table,) = gathered.part.tables
    assert 5 < len(gathered.pieces) == table.pieces < 20
    assert all(len(piece.content) < 600 for piece in gathered.pieces)
    assert [row for piece in gathered.pieces for row in rows_of(piece.content)] == rows
    assert (table.rows, table.size) == (100, sum(len(piece.content) for piece in gathered.pieces))
    with packed(gathered) as file:
        assert json.loads(file.read("data/identity/account.json"))["rows"] == rows


def test_json_is_what_the_library_writes_at_once() -> None:
    several: list[dict[str, object]] = [
        {"name": "Ada", "tags": ["x", "y"], "count": 1},
        {"name": "\u2028\n", "tags": [], "count": None},
    ]
    for count in (0, 2):
        rows = several[:count]
        with packed(part(*rows)) as file:
            text = file.read("data/identity/account.json").decode()
        stated = {
            "category": "account",
            "description": "<What>",
            "purpose": "Why",
            "retention": "How long",
            "rows": rows,
        }
        assert text == json.dumps(stated, ensure_ascii=False, indent=1) + "\n"


def test_a_part_is_read_as_it_was_kept_and_nothing_else_is() -> None:
    kept = part({"name": "Ada", "tags": ["a"], "count": None}).part
    assert Part.from_bytes(kept.to_bytes()) == kept
    for other in (b"", b"[]", b"{}", b'{"participant": "identity", "categories": [], "rows": []}', b"7"):
        with pytest.raises(PartInvalid):
            Part.from_bytes(other)
