"""PostgreSQL's snapshots, as text."""

import pytest

from libs.feed.snapshot import Snapshot


@pytest.mark.parametrize(
    ("text", "transaction", "sees"),
    [
        ("10:10:", 9, True),
        ("10:10:", 10, False),
        ("10:20:12,15", 9, True),
        ("10:20:12,15", 11, True),
        ("10:20:12,15", 12, False),
        ("10:20:12,15", 15, False),
        ("10:20:12,15", 19, True),
        ("10:20:12,15", 20, False),
        ("1:1:", 1, False),
    ],
)
def test_what_a_snapshot_sees(text: str, transaction: int, sees: bool) -> None:
    assert Snapshot.parse(text).sees(transaction) is sees


@pytest.mark.parametrize("text", ["", "10", "10:20", "a:b:", "1:2:3:4"])
def test_what_is_no_snapshot(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        Snapshot.parse(text)
