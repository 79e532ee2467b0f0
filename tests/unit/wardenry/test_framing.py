import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.vectors import vectors_of
from wardenry.framing import FramingInvalid, frame, unframe

PARTS = st.lists(st.binary(max_size=64), max_size=6)


@pytest.mark.parametrize("vector", vectors_of("framing"))
def test_vector(vector: dict[str, object]) -> None:
    parts = [bytes.fromhex(part) for part in vector["parts"]]  # type: ignore[attr-defined] # JSON
    framed = bytes.fromhex(str(vector["framed"]))
    assert frame(*parts) == framed
    assert unframe(framed) == tuple(parts)


@given(PARTS)
def test_round_trip(parts: list[bytes]) -> None:
    assert unframe(frame(*parts), count=len(parts)) == tuple(parts)


@given(PARTS, PARTS)
def test_two_lists_never_frame_alike(one: list[bytes], other: list[bytes]) -> None:
    assert (frame(*one) == frame(*other)) == (one == other)


@given(st.lists(st.binary(max_size=16), min_size=1, max_size=4), st.data())
def test_cut_bytes_are_refused_or_fewer_parts(parts: list[bytes], data: st.DataObject) -> None:
    framed = frame(*parts)
    cut = framed[: data.draw(st.integers(0, len(framed) - 1))]
    with pytest.raises(FramingInvalid):
        unframe(cut, count=len(parts))


def test_another_number_of_parts_is_refused() -> None:
    with pytest.raises(FramingInvalid, match="2 parts were expected, 1 are there"):
        unframe(frame(b"a"), count=2)
