"""Length-prefixed framing: what every format of the product hashes, signs or authenticates.

Each part is written after its length, four bytes big-endian. Two different lists of parts never give the same bytes,
which joining with a separator cannot promise. docs/formats/README.md is the specification.
"""

_LENGTH = 4
_LONGEST = 2**32 - 1


class FramingInvalid(ValueError):
    """The bytes are no framed list of parts, or not of as many parts as expected."""


def frame(*parts: bytes) -> bytes:
    """The parts, each after its length. No parts give no bytes.

    Raises FramingInvalid for a part of 4 GiB or more.
    """
    framed = bytearray()
    for part in parts:
        if len(part) > _LONGEST:
            raise FramingInvalid(f"a part of {len(part)} bytes cannot be framed")
        framed += len(part).to_bytes(_LENGTH, "big")
        framed += part
    return bytes(framed)


def unframe(framed: bytes, *, count: int | None = None) -> tuple[bytes, ...]:
    """The parts of `framed`; exactly `count` of them if it is given.

    Raises FramingInvalid when bytes are missing or left over, or the number of parts is another.
    """
    parts: list[bytes] = []
    position = 0
    while position < len(framed):
        start = position + _LENGTH
        if start > len(framed):
            raise FramingInvalid("the bytes end inside a length")
        position = start + int.from_bytes(framed[start - _LENGTH : start], "big")
        if position > len(framed):
            raise FramingInvalid("the bytes end inside a part")
        parts.append(framed[start:position])
    if count is not None and len(parts) != count:
        raise FramingInvalid(f"{count} parts were expected, {len(parts)} are there")
    return tuple(parts)
