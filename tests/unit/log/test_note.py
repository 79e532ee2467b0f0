"""Signed notes and checkpoints."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wardenry.log.checkpoint import Checkpoint, CheckpointInvalid, open_checkpoint, sign_checkpoint
from wardenry.log.note import NoteInvalid, NoteSigner, SignatureInvalid, VerifierKey, decode_base64, open_note

#: The example of the documentation of Go's golang.org/x/mod/sumdb/note, where the format comes from.
PUBLISHED_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PUBLISHED_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
PUBLISHED_NOTE = (
    PUBLISHED_TEXT + "\n\u2014 PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
SIGNER = NoteSigner(name="log.example/audit", seed=bytes(range(32)))
OTHER = NoteSigner(name="log.example/audit", seed=bytes(32))
CHECKPOINT = Checkpoint(origin="log.example/audit/1", size=7, root=bytes(range(32)))


def test_the_published_note_opens_under_the_published_key() -> None:
    key = VerifierKey.parse(PUBLISHED_KEY)
    assert str(key) == PUBLISHED_KEY
    assert open_note(PUBLISHED_NOTE, [key]) == PUBLISHED_TEXT


def test_a_note_opens_under_its_key_alone() -> None:
    note = SIGNER.sign("text\n")
    assert open_note(note, [OTHER.key, SIGNER.key]) == "text\n"
    assert note == SIGNER.sign("text\n")
    with pytest.raises(SignatureInvalid, match="none of the trusted keys"):
        open_note(note, [OTHER.key])
    with pytest.raises(SignatureInvalid, match="none of the trusted keys"):
        open_note(note, [])


def test_signatures_of_unknown_keys_are_passed_over() -> None:
    note = SIGNER.sign("text\n") + OTHER.sign("text\n").rpartition("\n\n")[2]
    assert open_note(note, [SIGNER.key]) == "text\n"
    wrong = SIGNER.sign("text\n") + OTHER.sign("other\n").rpartition("\n\n")[2]
    with pytest.raises(SignatureInvalid, match="wrong"):
        open_note(wrong, [SIGNER.key, OTHER.key])


@pytest.mark.parametrize(
    "note",
    [
        "",
        "text\n",
        "text\n\n",
        "text\n\n\u2014 name\n",
        "text\n\n- name AAAA\n",
        "text\n\n\u2014 na+me AAAA\n",
        "te\x00xt\n\n\u2014 name AAAA\n",
        SIGNER.sign("text\n")[:-1],
        SIGNER.sign("text\n") + "\n",
    ],
)
def test_what_is_no_note(note: str) -> None:
    with pytest.raises(NoteInvalid):
        open_note(note, [SIGNER.key])


@pytest.mark.parametrize(
    "text",
    ["", "name", PUBLISHED_KEY[:-1], PUBLISHED_KEY.replace("c74f20a3", "c74f20a4"), "a b+00000000+AQ==", "x+y+z"],
)
def test_what_is_no_verifier_key(text: str) -> None:
    with pytest.raises(NoteInvalid):
        VerifierKey.parse(text)


def test_base64_has_one_text_for_each_byte_string() -> None:
    assert decode_base64("AA==") == b"\x00"
    for text in ("AB==", "AA=", "AA", "A A==", "AA==\n"):
        with pytest.raises(NoteInvalid):
            decode_base64(text)


@given(st.integers(min_value=0), st.integers(min_value=0, max_value=7))
@settings(max_examples=300, deadline=None)
def test_no_bit_of_a_signed_checkpoint_can_change(position: int, bit: int) -> None:
    note = sign_checkpoint(CHECKPOINT, SIGNER).encode()
    changed = bytearray(note)
    changed[position % len(note)] ^= 1 << bit
    with pytest.raises((NoteInvalid, CheckpointInvalid, UnicodeDecodeError)):
        open_checkpoint(bytes(changed).decode(), [SIGNER.key])


def test_a_checkpoint_is_three_lines() -> None:
    note = sign_checkpoint(CHECKPOINT, SIGNER)
    assert note.startswith(
        "log.example/audit/1\n7\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n\n\u2014 log.example/audit "
    )
    assert open_checkpoint(note, [SIGNER.key]) == CHECKPOINT
    assert Checkpoint.parse(CHECKPOINT.text() + "extension\n") == CHECKPOINT


@pytest.mark.parametrize("text", ["", "a\n", "a\n1\n", "a\n01\nAA==\n", "a\n-1\nAA==\n", "a\n1\nAA==\n", "\n1\nAA==\n"])
def test_what_is_no_checkpoint(text: str) -> None:
    with pytest.raises(CheckpointInvalid):
        Checkpoint.parse(text)
