"""The vectors of docs/formats, which were made without this code."""

import io
import itertools
import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from libs.merkle.frontier import Frontier
from libs.merkle.proofs import Proofs, tiles_for
from tests.support.vectors import vectors_of
from tests.unit.merkle.hash_store import HashStore
from wardenry.log.anchor import AnchorInvalid, log_head, verify_anchor
from wardenry.log.checkpoint import Checkpoint, log_origin, open_checkpoint, sign_checkpoint
from wardenry.log.export import ExportEntry, ExportHeader, ExportTrailer, ExportWriter, parse_line
from wardenry.log.keys import KeysInvalid, LogKeys
from wardenry.log.leaf import parse_leaf
from wardenry.log.note import NoteSigner, SignatureInvalid, VerifierKey
from wardenry.log.tree import leaf_hash, verify_consistency, verify_inclusion
from wardenry.log.verification import verify_export
from wardenry.log.verify import read_proof


def unhex(texts: list[str]) -> list[bytes]:
    return [bytes.fromhex(text) for text in texts]


@pytest.mark.parametrize("vector", vectors_of("tree"), ids=lambda vector: len(vector["leaves"]))
def test_tree(vector: dict[str, Any]) -> None:
    hashes = [leaf_hash(leaf) for leaf in unhex(vector["leaves"])]
    size, root = len(hashes), bytes.fromhex(vector["root"])
    frontier, runs = Frontier().append(hashes)
    assert frontier.root() == root
    assert list(frontier.subtrees) == unhex(vector["frontier"])
    store = HashStore()
    store.add(runs)
    proofs = Proofs(size=size, tiles=store.tiles(tiles_for(range(size), size)))
    for index, expected in enumerate(vector["inclusion"]):
        assert proofs.inclusion(index) == unhex(expected)
        verify_inclusion(leaf=hashes[index], index=index, size=size, proof=unhex(expected), root=root)
    for first, expected in enumerate(vector["consistency"], start=1):
        assert proofs.consistency(first) == unhex(expected)
        verify_consistency(
            first_size=first,
            first_root=Frontier().append(hashes[:first])[0].root(),
            second_size=size,
            second_root=root,
            proof=unhex(expected),
        )


@pytest.mark.parametrize("vector", vectors_of("checkpoint"), ids=lambda vector: vector["size"])
def test_checkpoint(vector: dict[str, Any]) -> None:
    signer = NoteSigner(name=vector["name"], seed=bytes.fromhex(vector["seed"]))
    origin = log_origin(vector["name"], UUID(vector["log"]))
    checkpoint = Checkpoint(origin=origin, size=vector["size"], root=bytes.fromhex(vector["root"]))
    assert str(signer.key) == vector["verifier_key"]
    assert sign_checkpoint(checkpoint, signer) == vector["note"]
    assert open_checkpoint(vector["note"], [VerifierKey.parse(vector["verifier_key"])]) == checkpoint


@pytest.mark.parametrize("vector", vectors_of("log-head"), ids=lambda vector: vector["nonce"])
def test_log_head(vector: dict[str, Any]) -> None:
    checkpoint = Checkpoint.parse(vector["checkpoint"])
    assert log_head(bytes.fromhex(vector["nonce"]), checkpoint).hex() == vector["head"]


@pytest.mark.parametrize("vector", vectors_of("log-keys"), ids=lambda vector: vector["case"])
def test_log_keys(vector: dict[str, Any], tmp_path: Path) -> None:
    keys = LogKeys.parse(vector["document"].encode())
    (tmp_path / "anchor.json").write_text(json.dumps(vector["anchor"]))
    anchor = read_proof(tmp_path / "anchor.json")

    def judge() -> None:
        checkpoint, _ = keys.opened(vector["checkpoint"])
        verify_anchor(anchor, keys.present, checkpoint=checkpoint, retired=keys.retired, covering=True)

    if vector["believed"]:
        judge()
    else:
        with pytest.raises((AnchorInvalid, SignatureInvalid)):
            judge()


@pytest.mark.parametrize(
    "document",
    [
        "",
        "[]",
        "{}",
        '{"keys":["x"]}',
        '{"keys":[],"retired":[{"key":"x","platform_size":1}]}',
        '{"keys":[],"retired":{}}'.replace("{}", "1"),
        *(
            vectors_of("log-keys")[0]["document"].replace('"platform_size":2', f'"platform_size":{wrong}')
            for wrong in ("-1", "true", "1.5", '"2"', "null")
        ),
    ],
)
def test_a_document_without_keys_is_refused(document: str) -> None:
    with pytest.raises(KeysInvalid):
        LogKeys.parse(document.encode())


@pytest.mark.parametrize("vector", vectors_of("export"))
def test_export(vector: dict[str, Any]) -> None:
    lines = [line.encode() for line in vector["lines"]]
    report = verify_export(io.BytesIO(b"".join(lines)), [VerifierKey.parse(vector["verifier_key"])])
    assert report.verified, report.findings
    assert report.checkpoint is not None
    assert (report.checkpoint.size, report.checkpoint.root.hex()) == (vector["size"], vector["root"])
    assert (report.values, report.erased) == (3, 1)
    parsed = [parse_line(line) for line in lines]
    header, trailer = parsed[0], parsed[-1]
    entries = [entry for entry in parsed if isinstance(entry, ExportEntry)]
    assert isinstance(header, ExportHeader)
    assert isinstance(trailer, ExportTrailer)
    assert [parse_leaf(entry.leaf).shown() for entry in entries] == [entry.shown for entry in entries]
    signer = NoteSigner(name=header.origin.rpartition("/")[0], seed=bytes.fromhex(vector["seed"]))
    writer = ExportWriter(header=header)
    written = [writer.header(), *(writer.entries([entry]) for entry in entries), writer.trailer(signer)]
    assert written == lines
    assert all(before.index < after.index for before, after in itertools.pairwise(entries))
