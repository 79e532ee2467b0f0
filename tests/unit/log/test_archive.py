"""`wardenry-verify --archive`: what was made is verified, and whatever part of it is changed is found."""

import hashlib
import io
import json
import struct
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from services.datarights.domain.archive import ArchiveWriter, Subject
from tests.support.zips import plain_file
from wardenry.archive import MANIFEST
from wardenry.log import verify as command
from wardenry.log.note import NoteSigner

SIGNER = NoteSigner(name="example.org/archive", seed=bytes(32))
STRANGER = NoteSigner(name="example.org/archive", seed=bytes([1]) * 32)
WHOSE = Subject(
    subject=UUID("019ab2c0-7a00-7000-8000-000000000001"),
    request=UUID("019ab2c0-7a00-7000-8000-000000000009"),
    created_at=datetime(2026, 11, 22, 4, 30, tzinfo=UTC),
)


def made() -> bytes:
    writer = ArchiveWriter(WHOSE)
    writer.end([], sign=SIGNER.sign)
    return writer.take()


def packed(change: Callable[[dict[str, bytes]], object]) -> bytes:
    """The archive, packed again after a change of its files."""
    with zipfile.ZipFile(io.BytesIO(made())) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    change(files)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(plain_file(name), content)
    return out.getvalue()


def relisted(files: dict[str, bytes]) -> None:
    """A list that fits the changed page, under the signature of the old one."""
    text = files[MANIFEST].decode()
    files["index.html"] = b"another"
    digest = text.split('"index.html": "')[1][:64]
    files[MANIFEST] = text.replace(digest, hashlib.sha256(b"another").hexdigest()).encode()


def signed_otherwise(files: dict[str, bytes]) -> None:
    text = files[MANIFEST].decode().partition("\n\n")[0] + "\n"
    files[MANIFEST] = SIGNER.sign(text.replace('"version"', '"edition"')).encode()


def by_a_stranger(files: dict[str, bytes]) -> None:
    files[MANIFEST] = STRANGER.sign(files[MANIFEST].decode().partition("\n\n")[0] + "\n").encode()


def with_a_comment() -> bytes:
    out = io.BytesIO(made())
    with zipfile.ZipFile(out, "a") as archive:
        archive.comment = b"more"
    return out.getvalue()


def doubled() -> bytes:
    out = io.BytesIO(made())
    with zipfile.ZipFile(out, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr(plain_file("index.html"), b"another")
    return out.getvalue()


def between() -> bytes:
    """Bytes behind the last file, before the directory, which no program shows."""
    content = made()
    start = int.from_bytes(content[-6:-2], "little")
    return content[:start] + b"hidden" + content[start:-6] + struct.pack("<I", start + 6) + content[-2:]


def renamed_inside() -> bytes:
    """What unpacks from the front finds another name than what reads the directory."""
    return made().replace(b"index.html", b"index.scr_", 1)


WRONG = {
    "a changed file": (packed(lambda files: files.update({"index.html": files["index.html"] + b" "})), "content"),
    "a missing file": (packed(lambda files: files.pop("index.html")), "missing"),
    "one file more": (packed(lambda files: files.update({"data/more.txt": b""})), "added"),
    "a directory more": (packed(lambda files: files.update({"data/": b""})), "added"),
    "a file twice": (doubled(), "added content"),
    "no list": (packed(lambda files: files.pop(MANIFEST)), "signature"),
    "another list": (packed(relisted), "signature"),
    "no signature": (packed(lambda files: files.update({MANIFEST: files[MANIFEST][:-20]})), "signature"),
    "a stranger's signature": (packed(by_a_stranger), "signature"),
    "a list of another form": (packed(signed_otherwise), "manifest"),
    "bytes before": (b"more" + made(), "zip"),
    "bytes between": (between(), "zip"),
    "bytes behind": (made() + b"more", "zip"),
    "a comment": (with_a_comment(), "zip"),
    "two names of a file": (renamed_inside(), "zip content"),
    "a broken directory": (made()[:-40] + bytes(18) + made()[-22:], "zip signature"),
}


def checked(path: Path, content: bytes, *arguments: str, key: NoteSigner = SIGNER) -> int:
    file = path / "archive.zip"
    file.write_bytes(content)
    keys = path / "archive-keys.json"
    keys.write_text(json.dumps({"keys": [str(key.key)]}))
    return command.main([str(file), "--archive", "--keys", str(keys), *arguments])


def test_an_archive_is_verified(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert checked(tmp_path, made()) == command.VERIFIED
    shown = capsys.readouterr().out
    assert shown.splitlines()[0] == f"person   {WHOSE.subject}"
    assert "made     2026-11-22 04:30:00 UTC" in shown
    assert shown.splitlines()[-1].startswith("VERIFIED")
    assert checked(tmp_path, made(), "--json") == command.VERIFIED
    told = json.loads(capsys.readouterr().out)
    assert (told["verified"], told["problem"], told["findings"], told["unchecked"]) == (True, None, [], {})
    assert (told["subject"], told["files"]) == (str(WHOSE.subject), 1)


@pytest.mark.parametrize("what", WRONG)
def test_whatever_is_changed_is_found(what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content, checks = WRONG[what]
    # So that bytes hidden before the first file are read as an archive, and not as some other file.
    expected = command.NO_EXPORT if what == "bytes before" else command.REFUTED
    assert checked(tmp_path, content) == expected
    shown = capsys.readouterr()
    assert "VERIFIED" not in shown.out
    assert checked(tmp_path, content, "--json") == expected
    told = json.loads(capsys.readouterr().out)
    assert told["verified"] is False
    if expected == command.REFUTED:
        assert {finding["check"] for finding in told["findings"]} == set(checks.split())
        assert {check for check, told in told["checks"].items() if told["failed"]} == set(checks.split())


def test_another_key_refutes_it(tmp_path: Path) -> None:
    assert checked(tmp_path, made(), key=STRANGER) == command.REFUTED


@pytest.mark.parametrize("length", [-1, -21, -22, 200, 40])
def test_a_download_that_stopped_is_incomplete(tmp_path: Path, capsys: pytest.CaptureFixture[str], length: int) -> None:
    assert checked(tmp_path, made()[:length]) == command.NO_EXPORT
    assert capsys.readouterr().out.splitlines()[-1].startswith("INCOMPLETE")


def test_what_is_no_archive_accuses_nobody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert checked(tmp_path, b"index,recorded_at,\r\n") == command.NO_EXPORT
    assert "is no archive, but a log exported as CSV" in capsys.readouterr().err
    assert checked(tmp_path, b"", "--json") == command.NO_EXPORT
    assert json.loads(capsys.readouterr().out) == {"verified": False, "problem": "no archive: an empty file"}
    assert command.main([str(tmp_path), "--archive", "--key", str(SIGNER.key)]) == command.NO_EXPORT


def test_who_forgets_to_say_that_it_is_an_archive_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "archive.zip"
    file.write_bytes(made())
    assert command.main([str(file), "--key", str(SIGNER.key)]) == command.NO_EXPORT
    assert "for the archive of a person's data say --archive" in capsys.readouterr().err


def test_what_is_asked_for_a_log_alone_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert checked(tmp_path, made(), "--previous", "checkpoint.txt") == command.USAGE
    assert command.main([str(tmp_path / "none.zip"), "--archive", "--key", str(SIGNER.key)]) == command.USAGE
    keys = tmp_path / "keys.json"
    keys.write_text("{}")
    assert command.main([str(tmp_path), "--archive", "--keys", str(keys)]) == command.USAGE
    assert "is not what /api/v1/archive-keys serves" in capsys.readouterr().err
