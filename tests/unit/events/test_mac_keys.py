"""The sources' MAC keys."""

from pathlib import Path

import pytest

from libs.events.mac_keys import MacKeyInvalid, load_mac_keys


def test_reads_the_present_key_and_the_previous_one_where_there_is_one(tmp_path: Path) -> None:
    (tmp_path / "identity.key").write_bytes(b"a" * 32)
    (tmp_path / "session.key").write_bytes(b"b" * 32)
    (tmp_path / "session.previous.key").write_bytes(b"c" * 32)
    keys = load_mac_keys(tmp_path, ["identity", "session"])
    assert keys == {"identity": [b"a" * 32], "session": [b"b" * 32, b"c" * 32]}


@pytest.mark.parametrize("content", [b"", b"a" * 31, b"a" * 32 + b"\n"])
def test_a_file_of_another_length_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "identity.key").write_bytes(content)
    with pytest.raises(MacKeyInvalid, match=r"identity\.key"):
        load_mac_keys(tmp_path, ["identity"])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MacKeyInvalid, match=r"session\.key"):
        load_mac_keys(tmp_path, ["session"])
