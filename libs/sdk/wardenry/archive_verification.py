"""Whether an archive of a person's data is whole, from where it says, and nothing else. Off line, with the public key
alone. Format: docs/formats/archive.md."""

import hashlib
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from wardenry.archive import MANIFEST, ArchiveInvalid, Manifest
from wardenry.log.note import NoteInvalid, SignatureInvalid, VerifierKey, open_note
from wardenry.zip_layout import StrayBytes, check_layout, content, ends, find_directory

#: The checks, in the order in which reports list them, and what each finds out.
CHECKS = {
    "zip": "it is a ZIP file that hides nothing beside its files",
    "signature": "the list of files is signed by the archive key",
    "manifest": "the list of files is in its one form",
    "missing": "every file of the list is there",
    "added": "every file that is there is on the list, once",
    "content": "every file is, byte for byte, the one on the list",
}
#: How a ZIP file with anything in it begins.
BEGINNING = b"PK\x03\x04"
#: Findings that are kept; the rest is counted.
_KEPT = 100
#: Bytes of a manifest, at most; it lists a few dozen files.
_LONGEST_MANIFEST = 1 << 20
#: A changed byte may look to the library like a file that is encrypted, or that begins before the beginning.
_BROKEN = (zipfile.BadZipFile, zlib.error, struct.error, KeyError, ValueError, RuntimeError, OverflowError, EOFError)


@dataclass(frozen=True, slots=True)
class ArchiveFinding:
    """Something that does not hold."""

    check: str
    #: Name in the archive; None when it is about the archive as a whole.
    file: str | None
    text: str


@dataclass(slots=True)
class ArchiveReport:
    """What a verification found."""

    #: What the signed list says; None where there is none that was signed.
    manifest: Manifest | None = None
    files: int = 0
    #: Of all files, unpacked.
    size: int = 0
    #: How often each check was made.
    made: Counter[str] = field(default_factory=Counter)
    #: How often each failed.
    failed: Counter[str] = field(default_factory=Counter)
    #: The first findings.
    findings: list[ArchiveFinding] = field(default_factory=list)
    #: Whether the file ends before the archive does.
    cut: bool = False

    @property
    def verified(self) -> bool:
        """Everything holds, and nothing is missing."""
        return self.manifest is not None and not self.failed and not self.cut

    def fail(self, check: str, file: str | None, text: str) -> None:
        self.failed[check] += 1
        if len(self.findings) < _KEPT:
            self.findings.append(ArchiveFinding(check, file, text))


def verify_archive(file: BinaryIO, key: VerifierKey) -> Manifest:
    """The manifest, when this key signed it and the archive holds exactly its files. Raises ArchiveInvalid."""
    report = examine_archive(file, [key])
    if report.cut:
        raise ArchiveInvalid("no archive, or not all of one")
    for finding in report.findings:
        raise ArchiveInvalid(f"{finding.file}: {finding.text}" if finding.file else finding.text)
    assert report.manifest is not None  # noqa: S101 - without one there is a finding
    return report.manifest


def examine_archive(file: BinaryIO, keys: Sequence[VerifierKey]) -> ArchiveReport:
    """Makes every check that can be made, and reports. Memory does not grow with the files; a list of files that is
    longer than any is is not read. Never raises for what the file says; raises OSError."""
    report = ArchiveReport()
    if not ends(file):
        report.cut = True
        return report
    report.made["zip"] += 1
    try:
        directory = find_directory(file)
        with zipfile.ZipFile(file) as archive:
            try:
                check_layout(file, archive, directory)
            except StrayBytes as error:
                report.fail("zip", None, str(error))
            _examine(file, archive, keys, report)
    except StrayBytes as error:
        report.fail("zip", None, str(error))
    except _BROKEN:
        report.fail("zip", None, "the ZIP file is broken")
    return report


def _examine(file: BinaryIO, archive: zipfile.ZipFile, keys: Sequence[VerifierKey], report: ArchiveReport) -> None:
    counted = Counter(entry.filename for entry in archive.infolist())
    report.made["added"] += 1
    for name, times in counted.items():
        if times > 1:
            report.fail("added", name, f"it is there {times} times")
    text = _signed_text(file, archive, keys, report)
    if text is None:
        return
    report.made["manifest"] += 1
    try:
        manifest = Manifest.parse(text)
    except ArchiveInvalid as error:
        report.fail("manifest", MANIFEST, str(error))
        return
    report.manifest = manifest
    for name in sorted(counted.keys() - manifest.files.keys() - {MANIFEST}):
        report.fail("added", name, "it is not on the list of files")
    for name, digest in manifest.files.items():
        report.made["missing"] += 1
        if name not in counted:
            report.fail("missing", name, "it is on the list of files, and not there")
            continue
        report.made["content"] += 1
        try:
            found = _digest(file, archive.getinfo(name), report)
        except StrayBytes as error:
            report.fail("content", name, str(error))
            continue
        except _BROKEN:
            report.fail("content", name, "it cannot be unpacked")
            continue
        report.files += 1
        if found != digest:
            report.fail("content", name, "it is not the file that was signed")


def _signed_text(
    file: BinaryIO, archive: zipfile.ZipFile, keys: Sequence[VerifierKey], report: ArchiveReport
) -> str | None:
    """The text of the list, if one of the keys signed it."""
    report.made["signature"] += 1
    entry = archive.NameToInfo.get(MANIFEST)
    if entry is None:
        report.fail("signature", MANIFEST, "it is not there")
        return None
    if entry.file_size > _LONGEST_MANIFEST:
        report.fail("signature", MANIFEST, "it is longer than any is")
        return None
    try:
        return open_note(b"".join(content(file, entry)).decode(), keys)
    except SignatureInvalid as error:
        report.fail("signature", MANIFEST, str(error))
    except NoteInvalid as error:
        report.fail("signature", MANIFEST, f"it is no signed list: {error}")
    except StrayBytes as error:
        report.fail("signature", MANIFEST, str(error))
    except _BROKEN:
        report.fail("signature", MANIFEST, "it cannot be unpacked")
    return None


def _digest(file: BinaryIO, entry: zipfile.ZipInfo, report: ArchiveReport) -> str:
    digest = hashlib.sha256()
    for part in content(file, entry):
        digest.update(part)
        report.size += len(part)
    return digest.hexdigest()
