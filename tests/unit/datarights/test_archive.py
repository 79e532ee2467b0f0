"""Archives: whole, signed, and safe to open."""

import csv
import io
import json
import zipfile
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from services.datarights.domain.archive import Part, Subject, archive
from services.datarights.domain.errors import ParticipantInvalid
from tests.support.vectors import vectors_of
from wardenry.archive import MANIFEST, ArchiveInvalid, Manifest, verify_archive
from wardenry.log.note import NoteSigner, VerifierKey
from wardenry.subject_data import Category, Row

SIGNER = NoteSigner(name="example.org/archive", seed=bytes(32))
WHOSE = Subject(
    subject=UUID("019ab2c0-7a00-7000-8000-000000000001"),
    request=UUID("019ab2c0-7a00-7000-8000-000000000009"),
    created_at=datetime(2026, 11, 22, 4, 30, tzinfo=UTC),
)


def category(name: str = "account", fields: tuple[str, ...] = ("name", "tags", "count")) -> Category:
    return Category(name=name, description="<What>", purpose="Why", retention="How long", fields=fields)


def part(*rows: dict[str, object], of: Category | None = None) -> Part:
    found = of or category()
    return Part("identity", (found,), tuple(Row(found.name, row) for row in rows))  # type: ignore[arg-type] # the tests'


def packed(*parts: Part) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(archive(WHOSE, parts, sign=SIGNER.sign)))


@pytest.mark.parametrize("vector", vectors_of("archive"), ids=lambda vector: str(vector["what"]))
def test_vector(vector: dict[str, Any]) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        for name, content in vector["contents"].items():
            made.writestr(name, content)
        made.writestr(MANIFEST, vector["signed"])
    manifest = verify_archive(file, VerifierKey.parse(vector["verifier_key"]))
    assert (str(manifest.request), str(manifest.subject)) == (vector["request"], vector["subject"])
    assert manifest.text() == vector["text"]


def test_an_archive_is_what_was_signed() -> None:
    made = archive(WHOSE, [part({"name": "Ada", "tags": ["a", "b"], "count": 3})], sign=SIGNER.sign)
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
    made = archive(WHOSE, [part({"name": "Ada"})], sign=SIGNER.sign)
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
            other.writestr(name, content)
        if change == "added":
            other.writestr("data/more.txt", "")
        if change == "doubled":
            with pytest.warns(UserWarning, match="Duplicate"):
                other.writestr("index.html", "another")
    with pytest.raises(ArchiveInvalid):
        verify_archive(io.BytesIO(b"PK" if change == "no archive" else altered.getvalue()), SIGNER.key)


@pytest.mark.parametrize("name", ["../escape", "/etc/passwd", "a b", "A", "x\ny", "", "con:", "data\\x"])
def test_no_name_leads_out_of_the_archive(name: str) -> None:
    with pytest.raises(ArchiveInvalid):
        packed(part({"name": "Ada"}, of=category(name)))
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


def test_a_row_that_was_not_described_is_refused() -> None:
    part({"name": "Ada"}).check()
    with pytest.raises(ParticipantInvalid):
        part({"name": "Ada", "secret": "x"}).check()
    with pytest.raises(ParticipantInvalid):
        Part("identity", (category(),), (Row("others", {}),)).check()


def test_a_part_is_read_as_it_was_kept() -> None:
    kept = part({"name": "Ada", "tags": ["a"], "count": None})
    assert Part.from_bytes(kept.to_bytes()) == kept
