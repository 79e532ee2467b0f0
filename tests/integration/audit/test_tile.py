"""Tiles: whoever has nothing else makes the tree of them."""

import pytest

from libs.merkle.proofs import Tile
from services.audit.commands.tile import ReadTiles
from services.audit.domain.errors import TileNotFound
from tests.support.audit import LOG, OTHER_LOG, AuditOnPostgres
from tests.unit.merkle import naive_tree
from wardenry.log.tree import HASH_BYTES, RootBuilder, leaf_hash


def hashes_of(tile: bytes) -> list[bytes]:
    return [tile[start : start + HASH_BYTES] for start in range(0, len(tile), HASH_BYTES)]


async def test_tiles_and_entries_make_the_tree(audit: AuditOnPostgres) -> None:
    tiles = ReadTiles(units=audit.units, proving=audit.proving)
    for size in (1, 200, 55, 44):
        await audit.intake.take([audit.record(audit.event(personal=(), tags=None)) for _ in range(size)])
    checkpoint = audit.opened((await audit.proving.checkpoint(LOG)).note)
    assert checkpoint.size == 300
    level_0 = await tiles.hashes(LOG, Tile(0, 0), width=256), await tiles.hashes(LOG, Tile(0, 1), width=44)
    tree = RootBuilder()
    tree.extend(hashes_of(b"".join(level_0)))
    assert tree.root() == checkpoint.root
    assert await tiles.hashes(LOG, Tile(1, 0), width=1) == naive_tree.root(hashes_of(level_0[0]))
    # An older checkpoint's partial tile is the beginning of the full one.
    assert await tiles.hashes(LOG, Tile(0, 0), width=201) == level_0[0][: 201 * HASH_BYTES]

    bundle = await tiles.entries(LOG, 1, width=44)
    leaves = []
    while bundle:
        length = int.from_bytes(bundle[:2], "big")
        leaves.append(bundle[2 : 2 + length])
        bundle = bundle[2 + length :]
    assert [leaf_hash(leaf) for leaf in leaves] == hashes_of(level_0[1])


async def test_nothing_beyond_the_checkpoint_and_nothing_of_another_log(audit: AuditOnPostgres) -> None:
    tiles = ReadTiles(units=audit.units, proving=audit.proving)
    await audit.intake.take(audit.records(3))
    audit.objects.down = True
    await audit.intake.take(audit.records(2))
    assert len(await tiles.hashes(LOG, Tile(0, 0), width=3)) == 3 * HASH_BYTES
    for log, tile, width in (
        (LOG, Tile(0, 0), 4),
        (LOG, Tile(0, 1), 1),
        (LOG, Tile(1, 0), 1),
        (LOG, Tile(63, (1 << 48) - 1), 256),
        (OTHER_LOG, Tile(0, 0), 1),
    ):
        with pytest.raises(TileNotFound):
            await tiles.hashes(log, tile, width=width)
    with pytest.raises(TileNotFound):
        await tiles.entries(LOG, 0, width=4)
