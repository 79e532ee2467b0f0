"""Keys that were retired, and whoever has stolen one."""

import json
from pathlib import Path
from uuid import UUID

import pytest

from tests.support.vectors import vectors_of
from tests.unit.log.exports import ORIGIN, SIGNER, Log, event, record
from tests.unit.merkle import naive_tree
from wardenry.log import verify as command
from wardenry.log.anchor import PLATFORM_LOG
from wardenry.log.checkpoint import Checkpoint, log_origin, sign_checkpoint
from wardenry.log.keys import LogKeys, RetiredKey
from wardenry.log.note import NoteSigner
from wardenry.log.tree import leaf_hash

NEW = NoteSigner(name=ORIGIN, seed=bytes(range(64, 96)))
NOTE = sign_checkpoint(Checkpoint(origin=log_origin(ORIGIN, UUID(int=1)), size=1, root=bytes(32)), SIGNER)


def test_a_key_that_is_said_to_be_present_and_retired_is_retired() -> None:
    retired = RetiredKey(SIGNER.key, 7)
    keys = LogKeys(present=[SIGNER.key, NEW.key], retired=[retired])
    assert keys.present == [NEW.key]
    assert keys.opened(NOTE)[1] == retired


@pytest.mark.parametrize("sizes", [(7, 3, 9), (3, 7), (9, 3)])
def test_of_two_ends_of_a_key_the_first_counts(sizes: tuple[int, ...]) -> None:
    keys = LogKeys(present=[NEW.key], retired=[RetiredKey(SIGNER.key, size) for size in sizes])
    assert keys.opened(NOTE)[1] == RetiredKey(SIGNER.key, 3)


def test_nobody_is_told_that_a_platform_log_of_a_retired_key_is_verified(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever has stolen the key makes one as he likes, and no proof is asked of him."""
    file, keys = tmp_path / "export", tmp_path / "log-keys.json"
    entries = record([event(number, log=PLATFORM_LOG) for number in range(3)])
    root = naive_tree.root([leaf_hash(entry.leaf) for entry in entries])
    origin = log_origin(ORIGIN, PLATFORM_LOG)
    forged = sign_checkpoint(Checkpoint(origin=origin, size=3, root=root), SIGNER)
    file.write_bytes(Log(entries).export(checkpoint=forged, log=PLATFORM_LOG))
    retired = [{"key": str(SIGNER.key), "platform_size": 1}]
    keys.write_text(json.dumps({"keys": [str(NEW.key)], "retired": retired}))
    # Naming the key beside a document that has retired it does not bring it back.
    for arguments in ([], ["--key", str(SIGNER.key)]):
        arguments = [str(file), "--keys", str(keys), *arguments]
        assert command.main(arguments) == command.UNCHECKED
        out = capsys.readouterr().out
        assert "UNPROVEN" in out
        assert "VERIFIED" not in out
        assert command.main([*arguments, "--json"]) == command.UNCHECKED
        assert json.loads(capsys.readouterr().out)["verified"] is False


@pytest.mark.parametrize("field", ["checkpoint", "platform_checkpoint", "index", None])
def test_a_proof_that_is_none_is_wrong_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], field: str | None
) -> None:
    file, proof = tmp_path / "export", tmp_path / "anchor.json"
    file.write_bytes(Log(record([event(0)])).export())
    anchor = vectors_of("log-keys")[0]["anchor"]
    if field is None:
        proof.write_text("[" * 100_000)
    elif field == "index":
        proof.write_text(json.dumps(anchor | {"index": float("inf")}))
    else:
        # Half a character, before the signatures.
        proof.write_text(json.dumps(anchor | {field: anchor[field].replace("\n\n", "\n\ud800\n\n")}))
    assert command.main([str(file), "--key", str(SIGNER.key), "--proof", str(proof)]) == command.USAGE
    assert "is not what …/audit/anchor serves" in capsys.readouterr().err
