"""Files that nothing contradicts, and that are not shown to be true either: they are neither verified nor refuted."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from libs.events.envelope import EnvelopeBuilder
from tests.support.entropy import CountedEntropy
from tests.unit.log.exports import ALICE, ORIGIN, OTHER_LOG, SIGNER, Log, event, record, verify
from tests.unit.merkle import naive_tree
from wardenry.events.v1 import envelope_pb2
from wardenry.log import verify as command
from wardenry.log.anchor import ANCHOR_ACTION, ANCHOR_SOURCE, HEAD_DETAIL, PLATFORM_LOG, log_head
from wardenry.log.checkpoint import Checkpoint, log_origin, open_checkpoint, sign_checkpoint
from wardenry.log.filter import EntryFilter
from wardenry.log.note import NoteSigner, encode_base64
from wardenry.log.tree import leaf_hash

NEW = NoteSigner(name=ORIGIN, seed=bytes(range(64, 96)))
NONCE = bytes(range(16))
FIVE = Log(record([event(number) for number in range(5)]))
KEY = ["--key", str(SIGNER.key)]
UNPROVEN = "its key was retired since, and nothing shows that it entered the platform log before"


def proof(*, size: int, platform: NoteSigner = NEW, consistency: Sequence[bytes] = ()) -> dict[str, object]:
    """That the first `size` of the five are in a platform log of one entry, as …/audit/anchor serves it."""
    anchored = FIVE.checkpoint(size)
    head = log_head(NONCE, open_checkpoint(anchored, [SIGNER.key])).hex()
    said = dataclasses.replace(
        event(0, log=PLATFORM_LOG, action=ANCHOR_ACTION), details={HEAD_DETAIL: head}, personal=()
    )
    built = EnvelopeBuilder(source=ANCHOR_SOURCE, entropy=CountedEntropy()).build(said)
    leaf = envelope_pb2.Envelope.FromString(built).leaf
    above = Checkpoint(origin=log_origin(ORIGIN, PLATFORM_LOG), size=1, root=leaf_hash(leaf))
    return {
        "nonce": encode_base64(NONCE),
        "checkpoint": anchored,
        "consistency": [encode_base64(each) for each in consistency],
        "leaf": encode_base64(leaf),
        "index": 0,
        "hashes": [],
        "platform_checkpoint": sign_checkpoint(above, platform),
    }


class Verifier:
    """wardenry-verify with the keys after a renewal."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str], *, platform_size: int = 1) -> None:
        self._directory = directory
        self._capsys = capsys
        retired = [{"key": str(SIGNER.key), "platform_size": platform_size}]
        (directory / "keys").write_text(json.dumps({"keys": [str(NEW.key)], "retired": retired}))

    def run(self, export: bytes, given: dict[str, object] | None = None) -> tuple[int, list[str], dict[str, object]]:
        """Exit code, lines, and the JSON; the exit code is one for both."""
        (self._directory / "export").write_bytes(export)
        arguments = [str(self._directory / "export"), "--keys", str(self._directory / "keys")]
        if given is not None:
            (self._directory / "proof").write_text(json.dumps(given))
            arguments += ["--proof", str(self._directory / "proof")]
        code = command.main(arguments)
        lines = self._capsys.readouterr().out.splitlines()
        assert command.main([*arguments, "--json"]) == code
        report = json.loads(self._capsys.readouterr().out)
        assert report["verified"] == (code == command.VERIFIED) == lines[-1].startswith("VERIFIED")
        return code, lines, report


def row(lines: Sequence[str], check: str) -> str:
    (found,) = (line for line in lines if line.startswith(f"  {check} "))
    return found


@pytest.fixture
def verifier(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Verifier:
    return Verifier(tmp_path, capsys)


def test_an_export_from_before_a_renewal_is_unproven_without_a_proof(verifier: Verifier) -> None:
    code, lines, report = verifier.run(FIVE.export())
    assert code == command.UNCHECKED
    assert lines[-1].startswith("UNPROVEN: ")
    assert "Do not believe the file without --proof: get it from …/audit/anchor?covering=5" in lines[-1]
    assert report["findings"] == []
    assert report["unchecked"]["checkpoint"] == f"{UNPROVEN}: there is no proof of it"  # type: ignore[index]
    assert "covering=5" in str(report["problem"])
    assert f"key      {SIGNER.key.id.hex()}, retired at 1 entries of the platform log" in lines


def test_a_proof_of_a_part_or_of_a_platform_log_that_nobody_signs_for_proves_nothing(verifier: Verifier) -> None:
    hashes = [leaf_hash(entry.leaf) for entry in FIVE.entries]
    part = proof(size=4, consistency=naive_tree.consistency(4, hashes))
    code, lines, report = verifier.run(FIVE.export(), part)
    assert (code, report["findings"]) == (command.UNCHECKED, [])
    assert "it shows the first 4 of 5 entries" in row(lines, "checkpoint")
    assert "ok" not in row(lines, "anchor")
    code, lines, report = verifier.run(FIVE.export(), proof(size=5, platform=SIGNER))
    assert (code, report["findings"]) == (command.UNCHECKED, [])
    assert lines[-1].startswith("UNPROVEN: ")


@pytest.mark.parametrize("given", [proof(size=4, consistency=[bytes(32)]), proof(size=5) | {"index": 1}])
def test_a_proof_that_is_broken_refutes(verifier: Verifier, given: dict[str, object]) -> None:
    code, lines, _ = verifier.run(FIVE.export(), given)
    assert code == command.REFUTED
    assert lines[-1].startswith("REFUTED: ")


def test_a_proof_that_shows_the_opposite_refutes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, lines, _ = Verifier(tmp_path, capsys, platform_size=0).run(FIVE.export(), proof(size=5))
    assert code == command.REFUTED
    assert any("its key was retired before it entered the platform log" in line for line in lines)


ELSEWHERE = f"{ORIGIN}/{OTHER_LOG}"


def other_proof() -> dict[str, object]:
    """A good proof, of another log of the same deployment."""
    other = Checkpoint(origin=ELSEWHERE, size=5, root=bytes(32))
    return proof(size=5) | {"checkpoint": sign_checkpoint(other, NEW)}


def test_a_proof_of_another_log_neither_proves_nor_refutes_this_one(verifier: Verifier) -> None:
    code, lines, report = verifier.run(FIVE.export(), other_proof())
    assert (code, report["findings"]) == (command.UNCHECKED, [])
    assert lines[-1].startswith("UNPROVEN: ")
    assert f"(the proof that was given is of another log, {ELSEWHERE})" in lines[-1]
    assert "…/audit/anchor?covering=5" in lines[-1]
    # Whoever signed it, and of whichever deployment.
    stranger = sign_checkpoint(Checkpoint(origin="else.example/1", size=1, root=bytes(32)), NEW)
    assert verifier.run(FIVE.export(), proof(size=5) | {"checkpoint": stranger})[0] == command.UNCHECKED


def test_what_holds_without_the_proof_of_another_log_is_partly_proven_with_it(verifier: Verifier) -> None:
    export = FIVE.export(checkpoint=sign_checkpoint(open_checkpoint(FIVE.checkpoint(), [SIGNER.key]), NEW), signer=NEW)
    assert verifier.run(export)[0] == command.VERIFIED
    code, lines, report = verifier.run(export, other_proof())
    assert (code, report["findings"]) == (command.UNCHECKED, [])
    told = f"the proof that was given is of another log, {ELSEWHERE}"
    assert lines[-1] == f"PARTLY PROVEN: what was checked holds. Not checked: anchor ({told})"
    assert row(lines, "anchor").endswith(f"not checked: {told}")


def test_a_file_that_is_wrong_stays_refuted_beside_a_proof_of_another_log(verifier: Verifier) -> None:
    wrong = FIVE.export().replace(b"203.0.113.7", b"203.0.113.8", 1)
    assert verifier.run(wrong, other_proof())[0] == command.REFUTED


def test_a_proof_that_names_no_log_is_broken_and_refutes(verifier: Verifier) -> None:
    assert verifier.run(FIVE.export(), proof(size=5) | {"checkpoint": "else.example/1"})[0] == command.REFUTED


def test_a_checkpoint_of_another_log_neither_proves_nor_refutes_that_this_one_went_on() -> None:
    other = Checkpoint(origin=ELSEWHERE, size=3, root=bytes(32))
    for export in (FIVE.export(), FIVE.export(wanted=EntryFilter(subject=ALICE))):
        report = verify(export, previous=other)
        assert (report.failed.total(), command.exit_code(report)) == (0, command.UNCHECKED)
        assert report.unchecked["previous"] == f"the checkpoint that was given is of another log, {ELSEWHERE}"


def test_a_file_that_is_wrong_is_refuted_whether_its_key_is_proven_or_not(verifier: Verifier) -> None:
    wrong = FIVE.export().replace(b"203.0.113.7", b"203.0.113.8", 1)
    for given in (None, proof(size=5)):
        assert verifier.run(wrong, given)[0] == command.REFUTED


def test_with_the_proof_it_is_said_that_nobody_signs_for_the_file(verifier: Verifier) -> None:
    for export in (FIVE.export(), FIVE.export(wanted=EntryFilter(subject=ALICE))):
        code, lines, report = verifier.run(export, proof(size=5))
        assert code == command.UNCHECKED
        assert lines[-1].startswith("PARTLY PROVEN: what was checked holds. Not checked: signature (")
        assert "times of record, and what a filter left out, are nobody's word" in lines[-1]
        assert report["problem"] == lines[-1].removeprefix("PARTLY PROVEN: ")
        assert row(lines, "anchor").endswith("ok (1)")


@pytest.mark.parametrize(
    "copied",
    [
        lambda note: note,
        lambda note: note[:-1],
        lambda note: note + b"\n",
        lambda note: b"\n" + note,
        lambda note: note.replace(b"\n", b"\r\n"),
        lambda note: b"\r\n" + note.replace(b"\n", b"\r\n") + b"\r\n",
        lambda note: b"\n" + note[:-1],
    ],
    ids=["whole", "no newline", "two newlines", "empty line", "Windows", "Windows, all", "empty line, no newline"],
)
def test_a_checkpoint_that_was_copied_is_read(tmp_path: Path, copied: object) -> None:
    assert callable(copied)
    (tmp_path / "export").write_bytes(FIVE.export())
    (tmp_path / "previous").write_bytes(copied(FIVE.checkpoint(3).encode()))
    arguments = [str(tmp_path / "export"), *KEY, "--previous", str(tmp_path / "previous")]
    assert command.main(arguments) == command.VERIFIED


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is no signed checkpoint, but an empty file: "),
        (b"\xff", "is no signed checkpoint, but binary data: "),
        (b"hello\n", "is no signed checkpoint, but text: "),
        (FIVE.export(), "is no signed checkpoint, but a log export: "),
        (json.dumps({"keys": []}).encode(), "is no signed checkpoint, but public keys: "),
        (json.dumps({"checkpoint": "x"}, separators=(",", ":")).encode(), "is no signed checkpoint, but JSON: "),
        (FIVE.checkpoint(3).replace("\n3\n", "\n4\n").encode(), "the signature of log.example/audit is wrong"),
        (FIVE.checkpoint(3).replace("\n", "\n\n").encode(), "the signature of log.example/audit is wrong"),
        (
            FIVE.checkpoint(3).encode() + b"\n\n",
            "previous: no signed note: text, an empty line and signatures are expected",
        ),
        (FIVE.checkpoint(3).replace("\n", " \n").encode(), "is no signed checkpoint, but text: no signed note: "),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_another_file_than_a_checkpoint_is_called_what_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, said: str
) -> None:
    (tmp_path / "export").write_bytes(FIVE.export())
    (tmp_path / "previous").write_bytes(content)
    assert command.main([str(tmp_path / "export"), *KEY, "--previous", str(tmp_path / "previous")]) == command.USAGE
    error = capsys.readouterr().err
    assert error.startswith("wardenry-verify: --previous: ")
    assert said in error
    assert error.count("\n") == 1


def test_nobody_is_told_that_entries_which_are_not_all_here_make_the_tree() -> None:
    lines = FIVE.export().splitlines(keepends=True)
    missing = "the tree has 5 entries, "
    for data, count in ((b"".join(lines[:3]), 2), (b"".join([*lines[:2], *lines[3:]]), 4), (lines[0], 0)):
        report = verify(data)
        assert report.made["root"] == 0
        assert report.unchecked["root"] == f"{missing}{count} are here"
        assert not report.verified
    assert verify(FIVE.export()).made["root"] == 1
