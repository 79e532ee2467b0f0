"""Tiles over the wire: of the platform log for everybody, of a workspace's for its readers."""

import ssl

import httpx2

from libs.ids import PLATFORM
from tests.support.people import People
from tests.support.running_stack import running
from wardenry.log.checkpoint import open_checkpoint
from wardenry.log.note import VerifierKey
from wardenry.log.tree import HASH_BYTES, RootBuilder

#: Hashes in a whole tile.
TILE = 256


def widths(size: int) -> list[int]:
    """Of the tiles of a level with so many hashes: all are whole but the last one."""
    return [min(TILE, size - start) for start in range(0, size, TILE)]


async def test_anybody_checks_the_platform_log_and_readers_their_own(people: People) -> None:
    owner = await people.person()
    workspace = await people.workspace(owner)
    await people.entry(owner, workspace, "workspace.created")
    here = running(people.stack)
    context = ssl.create_default_context(cafile=str(here.edge_ca_file))
    prefix = f"/audit/{PLATFORM}"
    async with httpx2.AsyncClient(base_url=here.https, verify=context, timeout=60) as anybody:
        keys = (await anybody.get("/.well-known/wardenry-log-keys")).json()["keys"]
        answer = await anybody.get(f"{prefix}/checkpoint")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain; charset=utf-8")
        checkpoint = open_checkpoint(answer.text, [VerifierKey.parse(key) for key in keys])
        # The origin is where the log is served.
        assert f"https://{checkpoint.origin}" == here.https + prefix
        assert checkpoint.size > 0
        tree = RootBuilder()
        # Several, where everything that people did on this stack before is in it.
        for number, width in enumerate(widths(checkpoint.size)):
            tile = await anybody.get(f"{prefix}/tile/0/{number:03}" + (f".p/{width}" if width < TILE else ""))
            assert (tile.status_code, tile.headers["content-type"]) == (200, "application/octet-stream")
            tree.extend(tile.content[start : start + HASH_BYTES] for start in range(0, len(tile.content), HASH_BYTES))
        assert (tree.size, tree.root()) == (checkpoint.size, checkpoint.root)
        beyond = checkpoint.size // TILE + 1
        for refused in (
            f"{prefix}/tile/entries/000.p/1",
            f"{prefix}/tile/0/{beyond:03}",
            f"{prefix}/tile/0/0",
            f"/audit/{workspace.workspace_id}/checkpoint",
            f"/audit/{workspace.workspace_id}/tile/0/000.p/1",
        ):
            assert (await anybody.get(refused)).status_code == 404, refused
        assert (await anybody.get(f"{workspace.path}/audit/tile/0/000.p/1")).status_code == 401
    tile = await owner.browser.send("GET", f"{workspace.path}/audit/tile/0/000.p/1")
    assert (tile.status_code, len(tile.content)) == (200, HASH_BYTES)
    bundle = await owner.browser.send("GET", f"{workspace.path}/audit/tile/entries/000.p/1")
    assert int.from_bytes(bundle.content[:2], "big") == len(bundle.content) - 2
    stranger = await people.person("bea")
    refused_tile = await stranger.browser.send("GET", f"{workspace.path}/audit/tile/0/000.p/1")
    assert refused_tile.status_code in (401, 403, 404)
