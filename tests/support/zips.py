"""ZIP files put together field by field (PKWARE APPNOTE 6.3.10), so that each may be a lie."""

import struct
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

LOCAL = struct.Struct("<4s5H3I2H")
RECORD = struct.Struct("<4s6H3I5H2I")
LARGE_END = struct.Struct("<4sQ2H2I4Q")
LOCATOR = struct.Struct("<4sIQI")
END = struct.Struct("<4s4H2IH")
MODE = 0o100600 << 16


def plain_file(name: str, *, method: int = zipfile.ZIP_STORED) -> zipfile.ZipInfo:
    """An entry in the one form that an archive's have."""
    entry = zipfile.ZipInfo(name)
    entry.compress_type = method
    entry.external_attr = MODE
    return entry


@dataclass(slots=True, kw_only=True)
class RawFile:
    """A file, and what of it is another way than it should be, by field."""

    name: bytes
    content: bytes
    #: As it is in the ZIP file; by default the content, packed.
    packed: bytes | None = None
    stored: bool = False
    described: bool = False
    #: Large sizes in the local header; in the directory "sizes", "offset", or both.
    large: bool = False
    large_record: str = ""
    local: dict[str, int | bytes] = field(default_factory=dict)
    record: dict[str, int | bytes] = field(default_factory=dict)
    descriptor: dict[str, int | bytes] = field(default_factory=dict)
    local_extra: bytes = b""
    record_extra: bytes = b""
    comment: bytes = b""

    def __post_init__(self) -> None:
        if self.packed is None:
            stream = zlib.compressobj(wbits=-15)
            self.packed = self.content if self.stored else stream.compress(self.content) + stream.flush()

    def _known(self) -> dict[str, int | bytes]:
        assert self.packed is not None
        return {
            "flags": 8 if self.described else 0,
            "method": zipfile.ZIP_STORED if self.stored else zipfile.ZIP_DEFLATED,
            "time": 0,
            "date": 33,
            "checksum": zlib.crc32(self.content),
            "packed": len(self.packed),
            "size": len(self.content),
        }

    def as_local(self) -> bytes:
        """Header, content, and what follows it."""
        assert self.packed is not None
        known = self._known()
        stated = dict(known)
        if self.described:
            stated |= {"checksum": 0, "packed": 0, "size": 0}
        extra = self.local_extra
        if self.large:
            extra = struct.pack("<2H2Q", 1, 16, stated["size"], stated["packed"]) + extra
            stated |= {"packed": 0xFFFFFFFF, "size": 0xFFFFFFFF}
        stated = {"magic": b"PK\3\4", "version": 45 if self.large else 20} | stated
        stated |= {"name": len(self.name), "extra": len(extra)}
        made = LOCAL.pack(*(stated | self.local).values()) + self.name + extra + self.packed
        if self.described:
            told = {"magic": b"PK\7\x08", **{each: known[each] for each in ("checksum", "packed", "size")}}
            made += struct.pack("<4sI2Q" if self.large else "<4s3I", *(told | self.descriptor).values())
        return made

    def as_record(self, offset: int) -> bytes:
        """What the directory says."""
        stated = self._known()
        numbers: list[int | bytes] = []
        if "sizes" in self.large_record:
            numbers += [stated["size"], stated["packed"]]
            stated |= {"packed": 0xFFFFFFFF, "size": 0xFFFFFFFF}
        if "offset" in self.large_record:
            numbers.append(offset)
            offset = 0xFFFFFFFF
        extra = struct.pack(f"<2H{len(numbers)}Q", 1, 8 * len(numbers), *numbers) if numbers else b""
        version = 45 if self.large or numbers else 20
        first: dict[str, int | bytes] = {"magic": b"PK\1\2", "made": 3 << 8 | version, "version": version}
        stated = first | stated
        stated |= {"name": len(self.name), "extra": len(extra + self.record_extra), "comment": len(self.comment)}
        stated |= {"disk": 0, "internal": 0, "mode": MODE, "offset": offset}
        stated |= self.record
        return RECORD.pack(*stated.values()) + self.name + extra + self.record_extra + self.comment


def raw_zip(
    files: Sequence[RawFile],
    *,
    end: dict[str, int] | None = None,
    large_end: dict[str, int] | None = None,
    locator: dict[str, int] | None = None,
    behind_end: bytes = b"",
    between: bytes = b"",
) -> bytes:
    """The ZIP file. `end`, `large_end` and `locator` are what these say otherwise than they should; the latter two are
    there if `large_end` is not None."""
    made, directory = b"", b""
    for each in files:
        directory += each.as_record(len(made))
        made += each.as_local()
    made += between
    told = {"entries": len(files), "all_entries": len(files), "size": len(directory), "start": len(made)}
    made += directory
    position = len(made)
    if large_end is not None:
        large: dict[str, int] = {"length": 44, "made": 45, "version": 45, "disk": 0, "start_disk": 0} | told
        made += LARGE_END.pack(b"PK\6\6", *(large | large_end).values())
        found = {"disk": 0, "position": position, "disks": 1} | (locator or {})
        made += LOCATOR.pack(b"PK\6\7", *found.values())
    last: dict[str, int] = {"disk": 0, "start_disk": 0} | told | {"comment": 0}
    return made + END.pack(b"PK\5\6", *(last | (end or {})).values()) + behind_end
