"""That a ZIP file is nothing but its files: no byte before, between or after them, where something could hide from one
program and be shown by another. PKWARE APPNOTE 6.3.10, sections 4.3 and 4.5."""

import struct
import zipfile
from typing import BinaryIO

_LOCAL = struct.Struct("<4s5H3I2H")
_LOCAL_MAGIC = b"PK\x03\x04"
_DESCRIPTOR_MAGIC = b"PK\x07\x08"
#: Bytes of a data descriptor, and of one with large sizes.
_DESCRIPTOR, _LARGE_DESCRIPTOR = 16, 24
_HAS_DESCRIPTOR = 0x08
_END = struct.Struct("<4s4H2IH")
_END_MAGIC = b"PK\x05\x06"
#: The one extra field that is no hiding place: the sizes of a large file.
_LARGE_SIZES = 1


class StrayBytes(ValueError):
    """There is something in the file that belongs to none of its files."""


def check_layout(file: BinaryIO, archive: zipfile.ZipFile) -> None:
    """Raises StrayBytes; struct.error where the file ends too early."""
    end = _read_end(file)
    if end is None:
        raise StrayBytes("something follows the end of the ZIP file")
    position = 0
    for entry in sorted(archive.infolist(), key=lambda entry: entry.header_offset):
        if entry.header_offset != position:
            raise StrayBytes(f"something stands before {entry.filename} that belongs to no file")
        if entry.comment or not _only_sizes(entry.extra):
            raise StrayBytes(f"the entry of {entry.filename} says more than it may")
        position = _end_of(file, entry)
    if position != archive.start_dir:
        raise StrayBytes("something stands behind the last file that belongs to no file")


def ends(file: BinaryIO) -> bool:
    """Whether the end of a ZIP file is there: of a download that stopped it is not."""
    file.seek(0, 2)
    # A comment of 65,535 bytes may follow it.
    file.seek(max(0, file.tell() - _END.size - 0xFFFF))
    tail = file.read()
    # All of it, not its beginning alone.
    return _END_MAGIC in tail[: max(0, len(tail) - _END.size + len(_END_MAGIC))]


def _read_end(file: BinaryIO) -> tuple[int, ...] | None:
    """The end record, if it is the last thing in the file and has no comment."""
    if file.seek(0, 2) < _END.size:
        return None
    file.seek(-_END.size, 2)
    magic, *fields = _END.unpack(file.read(_END.size))
    return tuple(fields) if magic == _END_MAGIC and fields[-1] == 0 else None


def _end_of(file: BinaryIO, entry: zipfile.ZipInfo) -> int:
    """Where the entry ends. What its own header calls it must be what the directory calls it."""
    file.seek(entry.header_offset)
    header: tuple[bytes, int, int, int, int, int, int, int, int, int, int] = _LOCAL.unpack(file.read(_LOCAL.size))
    magic, _, flags, method, *_, name_length, extra_length = header
    name, extra = file.read(name_length), file.read(extra_length)
    if magic != _LOCAL_MAGIC or name != entry.orig_filename.encode() or method != entry.compress_type:
        raise StrayBytes(f"{entry.filename} has another name or form in one place than in another")
    if not _only_sizes(extra):
        raise StrayBytes(f"the entry of {entry.filename} says more than it may")
    position = entry.header_offset + _LOCAL.size + name_length + extra_length + entry.compress_size
    if not flags & _HAS_DESCRIPTOR:
        return position
    file.seek(position)
    if file.read(len(_DESCRIPTOR_MAGIC)) != _DESCRIPTOR_MAGIC:
        raise StrayBytes(f"{entry.filename} does not end where it says")
    return position + (_LARGE_DESCRIPTOR if extra else _DESCRIPTOR)


def _only_sizes(extra: bytes) -> bool:
    """Whether these extra fields are none, or the sizes of a large file and nothing behind them."""
    if not extra:
        return True
    if len(extra) < 4:
        return False
    kind, length = int.from_bytes(extra[:2], "little"), int.from_bytes(extra[2:4], "little")
    return kind == _LARGE_SIZES and len(extra) == 4 + length <= 32
