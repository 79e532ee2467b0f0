"""An archive is refuted in which anything can hide from one program and be shown by another."""

import io
import shutil
import struct
import subprocess
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from services.datarights.domain.archive import ArchiveWriter, Subject
from tests.support.zips import RawFile, plain_file, raw_zip
from wardenry.archive import MANIFEST, ArchiveInvalid, Manifest
from wardenry.archive_report import as_json
from wardenry.archive_verification import CHECKS, examine_archive, verify_archive
from wardenry.log.note import NoteSigner
from wardenry.zip_layout import LONGEST_DIRECTORY, StrayBytes, find_directory

SIGNER = NoteSigner(name="example.org/archive", seed=bytes(32))
WHOSE = Subject(
    subject=UUID("019ab2c0-7a00-7000-8000-000000000001"),
    request=UUID("019ab2c0-7a00-7000-8000-000000000009"),
    created_at=datetime(2026, 11, 22, 4, 30, tzinfo=UTC),
)
PAGE = b"<p>This is the page that was signed.</p>" * 3
FORGED = b"<p>This is another page.</p>"
NOTE = SIGNER.sign(
    Manifest(
        request=WHOSE.request,
        subject=WHOSE.subject,
        created_at=WHOSE.created_at,
        files={"index.html": sha256(PAGE).hexdigest()},
    ).text()
).encode()


def written() -> bytes:
    writer = ArchiveWriter(WHOSE)
    writer.end([], sign=SIGNER.sign)
    return writer.take()


def page(**otherwise: Any) -> RawFile:
    return RawFile(**{"name": b"index.html", "content": PAGE, **otherwise})


def note(**otherwise: Any) -> RawFile:
    return RawFile(**{"name": MANIFEST.encode(), "content": NOTE, **otherwise})


def packed(content: bytes = PAGE) -> bytes:
    found = RawFile(name=b"", content=content).packed
    assert found is not None
    return found


def refuted(content: bytes) -> set[str]:
    """By which checks."""
    report = examine_archive(io.BytesIO(content), [SIGNER.key])
    assert not report.verified
    with pytest.raises(ArchiveInvalid):
        verify_archive(io.BytesIO(content), SIGNER.key)
    return set(report.failed)


HONEST = {
    "plain": [page(), note()],
    "stored": [page(stored=True), note(stored=True)],
    "described": [page(described=True), note(described=True)],
    "stored and described": [page(stored=True, described=True), note()],
    "large": [page(large=True), note(large=True, large_record="sizes")],
    "large and described": [page(large=True, described=True, large_record="sizes"), note()],
    "far": [page(), note(large_record="offset")],
    "large and far": [page(), note(large=True, large_record="sizes offset")],
}


@pytest.mark.parametrize("form", HONEST)
@pytest.mark.parametrize("large", [None, {}], ids=["small", "large end"])
def test_an_archive_in_its_form_is_verified(form: str, large: dict[str, int] | None) -> None:
    content = raw_zip(HONEST[form], large_end=large)
    assert verify_archive(io.BytesIO(content), SIGNER.key).subject == WHOSE.subject


def test_what_the_library_writes_of_large_archives_is_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 100)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in (("index.html", PAGE), (MANIFEST, NOTE)):
            with archive.open(plain_file(name, method=zipfile.ZIP_DEFLATED), "w", force_zip64=True) as file:
                file.write(content)
    assert b"PK\6\6" in out.getvalue()
    assert verify_archive(out, SIGNER.key).subject == WHOSE.subject


def unfinished() -> bytes:
    """All of the page, and no last block."""
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(PAGE) + stream.flush(zlib.Z_SYNC_FLUSH)


def of_page(**otherwise: Any) -> Callable[[], bytes]:
    return lambda: raw_zip([page(**otherwise), note()])


def of_end(*, large: dict[str, int] | None = None, locator: dict[str, int] | None = None, **end: int) -> bytes:
    return raw_zip([page(), note()], end=end, large_end=large, locator=locator)


EMPTY_EXTRA = struct.pack("<2H", 0xCAFE, 0)
FORGERIES: dict[str, Callable[[], bytes]] = {
    # Behind the end of what is packed.
    "bytes behind the stream": of_page(packed=packed() + b"hidden"),
    "many bytes behind the stream": of_page(packed=packed() + bytes(200_000)),
    "bytes behind the note's stream": lambda: raw_zip([page(), note(packed=packed(NOTE) + b"hidden")]),
    "a stream behind the stream": of_page(packed=packed() + packed(FORGED)),
    "a stream without an end": of_page(packed=packed()[:-3]),
    "stored bytes behind the content": of_page(stored=True, packed=PAGE + b"hidden"),
    "content without the stream's end": of_page(packed=unfinished()),
    "a size that is too small": of_page(local={"size": 5}, record={"size": 5}),
    "a size that is too large": of_page(local={"size": 500}, record={"size": 500}),
    "a checksum of another file": of_page(local={"checksum": 7}, record={"checksum": 7}),
    # What the end says.
    "fewer files": lambda: of_end(entries=1, all_entries=1),
    "fewer files in all": lambda: of_end(all_entries=1),
    "fewer files on the disk": lambda: of_end(entries=1),
    "another size": lambda: of_end(size=9),
    "another start": lambda: of_end(start=9),
    "another disk": lambda: of_end(disk=1),
    "a directory on another disk": lambda: of_end(start_disk=1),
    "a comment that is not there": lambda: of_end(comment=5),
    "another start than the large end's": lambda: of_end(large={}, start=9),
    "fewer files than the large end's": lambda: of_end(large={}, entries=1, all_entries=1),
    "all ones without a large end": lambda: of_end(start=0xFFFFFFFF),
    "a large end with more files": lambda: of_end(large={"all_entries": 3}, entries=3, all_entries=3),
    "a large end with fewer files": lambda: of_end(
        large={"entries": 1, "all_entries": 1}, locator={}, entries=1, all_entries=1
    ),
    "a large end that is longer": lambda: of_end(large={"length": 50}),
    "a large end of another version": lambda: of_end(large={"made": 46}),
    "a locator of another place": lambda: of_end(large={}, locator={"position": 3}),
    "a locator of more disks": lambda: of_end(large={}, locator={"disks": 0}),
    "bytes before the directory": lambda: raw_zip([page(), note()], between=b"hidden"),
    "bytes behind the end": lambda: raw_zip([page(), note()], behind_end=b"hidden"),
    # What the header in front says otherwise than the directory.
    "another method in front": of_page(local={"method": 0}),
    "another method in the directory": of_page(stored=True, record={"method": 8}),
    "an encrypted file in front": of_page(local={"flags": 1}),
    "an encrypted file": of_page(local={"flags": 1}, record={"flags": 1}),
    "a hidden descriptor": of_page(described=True, record={"flags": 0}),
    "another checksum in front": of_page(local={"checksum": 0xDEADBEEF}),
    "another packed size in front": of_page(local={"packed": 5}),
    "another size in front": of_page(local={"size": 5}),
    "a checksum in front of a descriptor": of_page(described=True, local={"checksum": 0xDEADBEEF}),
    "a size in front of a descriptor": of_page(described=True, local={"packed": 5}),
    "another time in front": of_page(local={"time": 5}),
    "another date in front": of_page(local={"date": 34}),
    "another time": of_page(local={"time": 5}, record={"time": 5}),
    "another version in front": of_page(local={"version": 10}),
    "an extra field in front": of_page(local_extra=EMPTY_EXTRA),
    "an extra field behind the sizes in front": of_page(large=True, local_extra=EMPTY_EXTRA),
    "other large sizes in front": of_page(
        local={"packed": 0xFFFFFFFF, "size": 0xFFFFFFFF, "version": 45},
        local_extra=struct.pack("<2H2Q", 1, 16, 5, 5),
        record={"version": 45, "made": 3 << 8 | 45},
    ),
    "a descriptor of another kind": of_page(described=True, descriptor={"magic": b"HIDE"}),
    "another checksum behind": of_page(described=True, descriptor={"checksum": 5}),
    "another packed size behind": of_page(described=True, descriptor={"packed": 5}),
    "another size behind": of_page(described=True, descriptor={"size": 5}),
    "another size behind a large file": of_page(large=True, described=True, descriptor={"size": 5}),
    # What the directory says.
    "a comment": of_page(comment=b"hidden"),
    "an extra field": of_page(record_extra=EMPTY_EXTRA),
    "an extra field as long as a large size": of_page(record_extra=struct.pack("<2HQ", 0xCAFE, 8, 0)),
    "an extra field behind a large size": of_page(large_record="offset", record_extra=EMPTY_EXTRA),
    "a name with an end in it": of_page(name=b"index.html\0.scr"),
    "a name with another end in the directory": lambda: raw_zip([page(), note()]).replace(
        b"index.html", b"index.ht\0l"
    ),
    "a name in other letters": lambda: raw_zip([page(), note(), RawFile(name=b"\xe9.html", content=b"")]),
    "a symbolic link": of_page(record={"mode": 0o120777 << 16}),
    "a program that runs as its owner": of_page(record={"mode": 0o104755 << 16}),
    "a file of another system": of_page(record={"made": 20}),
    "a file on another disk": of_page(record={"disk": 1}),
    "a file that is text": of_page(record={"internal": 1}),
    "a file from elsewhere": lambda: raw_zip([page(), note(record={"offset": 3})]),
    "a file from far behind the end": lambda: raw_zip(
        [
            page(),
            note(record={"offset": 0xFFFFFFFF}, record_extra=struct.pack("<2HQ", 1, 8, (1 << 63) - 1)),
        ]
    ),
    "a file that is longer than all": of_page(
        record={"packed": 0xFFFFFFFF}, record_extra=struct.pack("<2HQ", 1, 8, (1 << 63) - 5)
    ),
    "files in another order": lambda: _in_another_order(),
    "a file between that is not listed": lambda: _unlisted(),
    "another kind of packing": of_page(local={"method": 12}, record={"method": 12}),
    "another kind of packing of the list": lambda: raw_zip([page(), note(local={"method": 12}, record={"method": 12})]),
    "nothing": lambda: raw_zip([]),
}


def _in_another_order() -> bytes:
    files = [page(), note()]
    content = raw_zip(files)
    first, second = files[0].as_record(0), files[1].as_record(len(files[0].as_local()))
    assert first + second in content
    return content.replace(first + second, second + first)


def _unlisted() -> bytes:
    """Behind the page, a file that only what reads from the front finds."""
    files = [page(), RawFile(name=b"more.html", content=FORGED), note()]
    hidden = files[1].as_record(len(files[0].as_local()))
    listed = raw_zip(files)
    front, back = listed[: -len(END_OF_TWO)].split(hidden)
    start = struct.unpack("<I", listed[-6:-2])[0]
    return front + back + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 2, 2, len(front + back) - start, start, 0)


END_OF_TWO = raw_zip([])


@pytest.mark.parametrize("forgery", FORGERIES)
def test_nothing_hides_in_an_archive(forgery: str, tmp_path: Path) -> None:
    content = FORGERIES[forgery]()
    assert refuted(content) & {"zip", "content", "signature"}
    # A real file goes less far than memory does.
    file = tmp_path / "archive.zip"
    file.write_bytes(content)
    with file.open("rb") as stream:
        assert not examine_archive(stream, [SIGNER.key]).verified


def hidden_archive() -> bytes:
    """Behind the stream of the signed page, another archive. The large end leads to the directory of the outer one, the
    end to that of the inner one."""
    inner = [RawFile(name=b"index.html", content=FORGED), note()]
    outer = page(packed=packed())
    start = len(outer.as_local())
    locals_, records = b"", b""
    for each in inner:
        records += each.as_record(start + len(locals_))
        locals_ += each.as_local()
    files = [page(packed=packed() + locals_ + records), note()]
    whole = raw_zip(files, large_end={})
    found = start + len(locals_)
    return raw_zip(files, large_end={}, end={"start": found, "size": len(whole) - 22 - found})


def test_no_archive_hides_in_an_archive(tmp_path: Path) -> None:
    content = hidden_archive()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.read("index.html") == PAGE
    if unzip := shutil.which("unzip"):
        file = tmp_path / "archive.zip"
        file.write_bytes(content)
        shown = subprocess.run([unzip, "-p", file, "index.html"], capture_output=True, check=False)
        assert shown.stdout == FORGED
    assert refuted(content) == {"zip"}


def test_no_byte_but_of_packed_content_can_be_another() -> None:
    content = written()
    covered = bytearray(len(content))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for entry in archive.infolist():
            start = entry.header_offset + 30 + len(entry.filename)
            covered[start : start + entry.compress_size] = b"\1" * entry.compress_size
    places = [position for position, packed in enumerate(covered) if not packed]
    assert 200 < len(places) < 500
    for place in places:
        for change in (1, 8, 0x80, 0xFF):
            changed = bytearray(content)
            changed[place] ^= change
            assert not examine_archive(io.BytesIO(bytes(changed)), [SIGNER.key]).verified, (place, change)


def test_a_directory_without_end_is_not_read() -> None:
    record = page().as_record(0)
    directory = record * (2 * LONGEST_DIRECTORY // len(record))
    assert len(directory) > LONGEST_DIRECTORY
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, len(directory), 0, 0)
    large = struct.pack(
        "<4sQ2H2I4Q4sIQI", b"PK\6\6", 44, 45, 45, 0, 0, 300_000, 300_000, len(directory), 0, b"PK\6\7", 0,
        len(directory), 1,
    )  # fmt: skip
    for content in (directory + end, directory + large + end):
        file = io.BytesIO(content)
        tracemalloc.start()
        try:
            report = examine_archive(file, [SIGNER.key])
            assert tracemalloc.get_traced_memory()[1] < LONGEST_DIRECTORY
        finally:
            tracemalloc.stop()
        assert set(report.failed) == {"zip"}


def test_what_unpacks_to_more_than_it_says_is_not_unpacked() -> None:
    bomb = packed(bytes(50_000_000))
    behind = packed() + bytes(20_000_000)
    for files, failed in (
        ([page(packed=bomb), note()], {"content"}),
        ([page(), note(packed=bomb)], {"signature"}),
        ([page(packed=behind), note()], {"content"}),
    ):
        file = io.BytesIO(raw_zip(files))
        tracemalloc.start()
        try:
            report = examine_archive(file, [SIGNER.key])
            assert tracemalloc.get_traced_memory()[1] < 2_000_000
        finally:
            tracemalloc.stop()
        assert set(report.failed) == failed


@pytest.mark.parametrize(
    "content",
    [
        of_end(size=9),
        of_end(start=9),
        of_end(comment=5),
        of_end(large={}, start=9),
        of_end(large={}, all_entries=1),
        of_end(large={"start": 9}, start=9),
        of_end(large={"size": 9}, size=9),
    ],
)
def test_two_directories_are_found_before_either_is_read(content: bytes) -> None:
    with pytest.raises(StrayBytes, match="does not say where its directory is"):
        find_directory(io.BytesIO(content))


def test_a_report_says_what_a_broken_file_kept_from_being_checked() -> None:
    report = examine_archive(io.BytesIO(raw_zip([page(), note()], behind_end=b"hidden")), [SIGNER.key])
    assert [finding.text for finding in report.findings] == ["something follows the end of the ZIP file"]
    unchecked = as_json(report)["unchecked"]
    assert unchecked == dict.fromkeys(CHECKS.keys() - {"zip"}, "what it needs is broken, or not signed")
