"""Archives of a person's data, and whether one is whole and from where it says. Format: docs/formats/archive.md."""

import hashlib
import json
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO
from uuid import UUID

from wardenry.log.note import NoteInvalid, VerifierKey, open_note

#: The signed list of all other files.
MANIFEST = "manifest.note"
VERSION = "wardenry archive 1"
#: Names of files: no way out of the directory that an archive is unpacked in.
_NAME = re.compile(r"(?:[a-z0-9][a-z0-9-]*/)*[a-z0-9][a-z0-9-]*\.[a-z]+")
_CHUNK = 1 << 16
#: Bytes of a manifest, at most; it lists a few dozen files.
_LONGEST_MANIFEST = 1 << 20
#: What an archive's files are compressed by.
_COMPRESSIONS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})


class ArchiveInvalid(ValueError):
    """The file is no archive, or not the one that was signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What an archive holds."""

    request: UUID
    subject: UUID
    created_at: datetime
    #: SHA-256 in hex by name, of every file but the manifest.
    files: Mapping[str, str]

    def text(self) -> str:
        """As it is signed. Raises ArchiveInvalid for a name that no archive may hold."""
        if not all(_NAME.fullmatch(name) for name in self.files):
            raise ArchiveInvalid("a file's name has characters that an archive's must not have")
        stated = {
            "version": VERSION,
            "request": str(self.request),
            "subject": str(self.subject),
            "created_at": self.created_at.isoformat(),
            "files": dict(sorted(self.files.items())),
        }
        return json.dumps(stated, indent=1) + "\n"

    @classmethod
    def parse(cls, text: str) -> "Manifest":
        """Raises ArchiveInvalid for anything but what `text` gives."""
        try:
            stated = json.loads(text)
            parsed = cls(
                request=UUID(stated["request"]),
                subject=UUID(stated["subject"]),
                created_at=datetime.fromisoformat(stated["created_at"]),
                files={str(name): str(digest) for name, digest in stated["files"].items()},
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ArchiveInvalid("the manifest cannot be read") from None
        if parsed.text() != text:
            raise ArchiveInvalid("the manifest is of another version, or not in its one form")
        return parsed


def verify_archive(file: BinaryIO, key: VerifierKey) -> Manifest:
    """The manifest, when this key signed it and the archive holds exactly its files. Raises ArchiveInvalid."""
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            if any(entry.compress_type not in _COMPRESSIONS for entry in archive.infolist()):
                raise ArchiveInvalid("a file is compressed by something that no archive is")
            if archive.getinfo(MANIFEST).file_size > _LONGEST_MANIFEST:
                raise ArchiveInvalid("the manifest is longer than any is")
            manifest = Manifest.parse(open_note(archive.read(MANIFEST).decode(), [key]))
            if sorted(names) != sorted([*manifest.files, MANIFEST]):
                raise ArchiveInvalid("the archive holds other files than its manifest lists")
            for name, digest in manifest.files.items():
                if _digest(archive, name) != digest:
                    raise ArchiveInvalid(f"{name} is not the file that was signed")
    except NoteInvalid as error:
        raise ArchiveInvalid(str(error)) from error
    except ArchiveInvalid:
        raise
    except (zipfile.BadZipFile, zlib.error, KeyError, ValueError, RuntimeError, OverflowError, EOFError) as error:
        # A changed byte may look to the library like a file that is encrypted, or that begins before the beginning.
        raise ArchiveInvalid("no archive, or a broken one") from error
    return manifest


def _digest(archive: zipfile.ZipFile, name: str) -> str:
    digest = hashlib.sha256()
    with archive.open(name) as content:
        while part := content.read(_CHUNK):
            digest.update(part)
    return digest.hexdigest()
