"""What an archive of a person's data holds, and says about itself. Format: docs/formats/archive.md."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

#: The signed list of all other files.
MANIFEST = "manifest.note"
VERSION = "wardenry archive 1"
#: Names of files: no way out of the directory that an archive is unpacked in.
_NAME = re.compile(r"(?:[a-z0-9][a-z0-9-]*/)*[a-z0-9][a-z0-9-]*\.[a-z]+")


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
