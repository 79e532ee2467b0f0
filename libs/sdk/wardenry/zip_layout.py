"""That a ZIP file is nothing but its files, in the one form in which archives are written: no byte before, between,
inside or after them where something could hide from one program and be shown by another, and nothing that is said twice
is said in two ways. PKWARE APPNOTE 6.3.10, sections 4.3 to 4.5."""

import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

#: Bytes of a directory, at most. One of as many files as a manifest may list is shorter.
LONGEST_DIRECTORY = 1 << 20

_LOCAL, _LOCAL_MAGIC = struct.Struct("<4s5H3I2H"), b"PK\x03\x04"
_RECORD, _RECORD_MAGIC = struct.Struct("<4s6H3I5H2I"), b"PK\x01\x02"
_END, _END_MAGIC = struct.Struct("<4s4H2IH"), b"PK\x05\x06"
_LARGE_END, _LARGE_END_MAGIC = struct.Struct("<4sQ2H2I4Q"), b"PK\x06\x06"
_LOCATOR, _LOCATOR_MAGIC = struct.Struct("<4sIQI"), b"PK\x06\x07"
_DESCRIPTOR, _LARGE_DESCRIPTOR, _DESCRIPTOR_MAGIC = struct.Struct("<4s3I"), struct.Struct("<4sI2Q"), b"PK\x07\x08"
#: The checksum and the sizes follow the content; the one flag that an entry may have.
_HAS_DESCRIPTOR = 0x08
#: Versions of the format that are needed, without and with large sizes; who made it: a Unix.
_VERSION, _LARGE_VERSION, _UNIX = 20, 45, 3 << 8
#: 1980-01-01, 00:00, and a plain file of its owner's.
_TIME, _DATE, _MODE = 0, 1 << 5 | 1, 0o100600 << 16
#: The one extra field: the numbers that stand in its place are all ones.
_LARGE_SIZES = 1
_ONES = 0xFFFF_FFFF
_CHUNK = 1 << 16


class StrayBytes(ValueError):
    """There is something in the file that belongs to none of its files, or that says of one what no archive does."""


@dataclass(frozen=True, slots=True)
class Directory:
    """Where the list of a ZIP file's files is."""

    entries: int
    #: Offset and length, bytes.
    start: int
    size: int


def ends(file: BinaryIO) -> bool:
    """Whether the end of a ZIP file is there: of a download that stopped it is not."""
    file.seek(0, 2)
    # A comment of 65,535 bytes may follow it.
    file.seek(max(0, file.tell() - _END.size - 0xFFFF))
    tail = file.read()
    # All of it, not its beginning alone.
    return _END_MAGIC in tail[: max(0, len(tail) - _END.size + len(_END_MAGIC))]


def find_directory(file: BinaryIO) -> Directory:
    """There is one, and it is short enough to be read. Raises StrayBytes; struct.error where there is no end."""
    end = file.seek(0, 2) - _END.size
    at_end = _read(file, end, _END.size)
    magic, _, _, entries, _, size, start, _ = _END.unpack(at_end)
    if magic != _END_MAGIC:
        raise StrayBytes("something follows the end of the ZIP file")
    behind = b""
    if _read(file, end - _LOCATOR.size, len(_LOCATOR_MAGIC)) == _LOCATOR_MAGIC:
        end -= _LARGE_END.size + _LOCATOR.size
        *_, entries, size, start = _LARGE_END.unpack(_read(file, end, _LARGE_END.size))
        behind = _LARGE_END.pack(
            # Its length without this field and the one before it; then twice the version.
            *(_LARGE_END_MAGIC, _LARGE_END.size - 12, _LARGE_VERSION, _LARGE_VERSION, 0, 0),
            *(entries, entries, size, start),
        ) + _LOCATOR.pack(_LOCATOR_MAGIC, 0, end, 1)
    stated = (min(entries, 0xFFFF), min(entries, 0xFFFF), min(size, _ONES), min(start, _ONES))
    behind += _END.pack(_END_MAGIC, 0, 0, *stated, 0)
    # A program that trusts one of these numbers finds what every other one finds.
    if start + size != end or _read(file, end, len(behind)) != behind:
        raise StrayBytes("the end of the ZIP file does not say where its directory is, or says it in two ways")
    if size > LONGEST_DIRECTORY:
        raise StrayBytes("the directory of the ZIP file is longer than any is")
    return Directory(entries, start, size)


def check_layout(file: BinaryIO, archive: zipfile.ZipFile, directory: Directory) -> None:
    """The directory lists the files in their order, and they fill all that is before it. What is in them: `content`.

    Raises StrayBytes; struct.error where the file ends too early.
    """
    entries = archive.infolist()
    if len(entries) != directory.entries:
        raise StrayBytes("the directory has another number of files than the end of the ZIP file says")
    position, listed = 0, directory.start
    for entry in entries:
        if entry.header_offset != position:
            raise StrayBytes(f"{entry.filename} does not begin where the file before it ends")
        header = _header(file, entry)
        large = _is_large(entry, header)
        descriptor = _descriptor(entry, large=large)
        position += len(header) + entry.compress_size
        if _read(file, position, len(descriptor)) != descriptor:
            raise StrayBytes(f"{entry.filename} does not end where and as its entry says")
        position += len(descriptor)
        record = _record(entry, large=large)
        if _read(file, listed, len(record)) != record:
            raise StrayBytes(f"the directory says of {entry.filename} what no archive says of a file")
        listed += len(record)
    if position != directory.start:
        raise StrayBytes("something stands behind the last file that belongs to no file")


def content(file: BinaryIO, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """What is in the file, part by part, if that is all that is in its place. Nobody else may move `file` meanwhile.

    Raises StrayBytes, also after some parts; zlib.error; struct.error where the file ends too early.
    """
    start = entry.header_offset + len(_header(file, entry))
    size, checksum = 0, 0
    for part in _unpacked(file, entry, start):
        size, checksum = size + len(part), zlib.crc32(part, checksum)
        if size > entry.file_size:
            break
        yield part
    if (size, checksum) != (entry.file_size, entry.CRC):
        raise StrayBytes("it is not as long as its entry says, or not what was put in")


def _unpacked(file: BinaryIO, entry: zipfile.ZipInfo, start: int) -> Iterator[bytes]:
    packed = _range(file, start, entry.compress_size)
    if entry.compress_type == zipfile.ZIP_STORED:
        yield from packed
        return
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    for part in packed:
        if stream.eof:
            raise StrayBytes("something is hidden behind its end")
        rest = part
        while True:
            yield (piece := stream.decompress(rest, _CHUNK))
            rest = stream.unconsumed_tail
            if not rest and len(piece) < _CHUNK:
                break
    if not stream.eof or stream.unused_data:
        raise StrayBytes("it has no end, or something is hidden behind it")


def _range(file: BinaryIO, start: int, size: int) -> Iterator[bytes]:
    _go(file, start)
    while size and (part := file.read(min(_CHUNK, size))):
        size -= len(part)
        yield part


def _header(file: BinaryIO, entry: zipfile.ZipInfo) -> bytes:
    """The header in front of the content, if it says what the directory says, and nothing else."""
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise StrayBytes(f"{entry.filename} is compressed by something that no archive is")
    if entry.flag_bits & ~_HAS_DESCRIPTOR:
        raise StrayBytes(f"{entry.filename} is encrypted, or has a name with more than Latin letters")
    described = entry.flag_bits & _HAS_DESCRIPTOR
    checksum, packed, size = (0, 0, 0) if described else (entry.CRC, entry.compress_size, entry.file_size)
    found: tuple[int, ...] = _LOCAL.unpack(_read(file, entry.header_offset, _LOCAL.size))
    extra = b""
    # The last field is the length of the extra ones.
    if found[-1]:
        extra = _large_sizes(size, packed)
        packed = size = _ONES
    name = entry.filename.encode()
    header = _LOCAL.pack(
        *(_LOCAL_MAGIC, _LARGE_VERSION if extra else _VERSION, entry.flag_bits, entry.compress_type, _TIME, _DATE),
        *(checksum, packed, size, len(name), len(extra)),
    )
    header += name + extra
    if _read(file, entry.header_offset, len(header)) != header:
        raise StrayBytes(f"{entry.filename} is another file in one place than in another")
    return header


def _is_large(entry: zipfile.ZipInfo, header: bytes) -> bool:
    return len(header) > _LOCAL.size + len(entry.filename)


def _descriptor(entry: zipfile.ZipInfo, *, large: bool) -> bytes:
    if not entry.flag_bits & _HAS_DESCRIPTOR:
        return b""
    form = _LARGE_DESCRIPTOR if large else _DESCRIPTOR
    return form.pack(_DESCRIPTOR_MAGIC, entry.CRC, entry.compress_size, entry.file_size)


def _record(entry: zipfile.ZipInfo, *, large: bool) -> bytes:
    """What the directory of an archive says of this file."""
    sizes, offset = (entry.file_size, entry.compress_size), (entry.header_offset,)
    # By how many numbers are large, of which there are three at most.
    numbers = {0: (), 12: offset, 20: sizes, 28: (*sizes, *offset)}.get(len(entry.extra))
    if numbers is None:
        raise StrayBytes(f"the directory says of {entry.filename} what no archive says of a file")
    extra = _large_sizes(*numbers) if numbers else b""
    version = _LARGE_VERSION if large or extra else _VERSION
    name = entry.filename.encode()
    record = _RECORD.pack(
        *(_RECORD_MAGIC, _UNIX | version, version, entry.flag_bits, entry.compress_type, _TIME, _DATE, entry.CRC),
        *((_ONES, _ONES) if len(numbers) > 1 else (entry.compress_size, entry.file_size)),
        *(len(name), len(extra), 0, 0, 0, _MODE),
        _ONES if len(numbers) % 2 else entry.header_offset,
    )
    return record + name + extra


def _large_sizes(*numbers: int) -> bytes:
    return struct.pack(f"<2H{len(numbers)}Q", _LARGE_SIZES, 8 * len(numbers), *numbers)


def _read(file: BinaryIO, start: int, size: int) -> bytes:
    _go(file, start)
    return file.read(size)


def _go(file: BinaryIO, position: int) -> None:
    # What a file says of itself may lie before its beginning, or so far behind its end that no system goes there.
    file.seek(max(0, min(position, file.seek(0, 2))))
