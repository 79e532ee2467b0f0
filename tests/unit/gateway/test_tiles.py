"""Paths of tiles, as C2SP tlog-tiles spells them."""

import pytest

from services.gateway.api.tiles import TilePath, tile_of


@pytest.mark.parametrize(
    ("path", "level", "number", "width", "entries"),
    [
        ("0/000", 0, 0, 256, False),
        ("0/255.p/1", 0, 255, 1, False),
        ("63/x001/x234/067", 63, 1_234_067, 256, False),
        ("1/x001/000.p/255", 1, 1000, 255, False),
        ("entries/x999/999", 0, 999_999, 256, True),
        ("entries/000.p/112", 0, 0, 112, True),
    ],
)
def test_a_path_names_one_tile(path: str, level: int, number: int, width: int, entries: bool) -> None:
    assert tile_of(path) == TilePath(level=level, number=number, width=width, entries=entries)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "0",
        "0/",
        "00/000",
        "64/000",
        "-1/000",
        "0/0",
        "0/0000",
        "0/1000",
        "0/x000/001",
        "0/001/001",
        "0/x001",
        "0/000.p/0",
        "0/000.p/256",
        "0/000.p/01",
        "0/000.p/",
        "0/000/p/1",
        "Entries/000",
        "0/٠٠٠",
        "0/000\n",
        "0/x001/x001/x001/x001/x001/001",
    ],
)
def test_no_other_spelling_names_one(path: str) -> None:
    assert tile_of(path) is None
