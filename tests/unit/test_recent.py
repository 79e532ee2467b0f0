"""A bounded cache."""

from libs.recent import Recent


def test_the_entry_longest_unused_makes_room() -> None:
    recent: Recent[str, int] = Recent(2)
    recent.put("a", 1)
    recent.put("b", 2)
    assert recent.get("a") == 1
    recent.put("c", 3)
    assert [recent.get(key) for key in "abc"] == [1, None, 3]


def test_a_forgotten_entry_is_gone() -> None:
    recent: Recent[str, int] = Recent(2)
    recent.put("a", 1)
    for _ in range(2):
        recent.forget("a")
    assert recent.get("a") is None


def test_what_is_stale_is_forgotten() -> None:
    recent: Recent[str, int] = Recent(3)
    for value, key in enumerate("abc"):
        recent.put(key, value)
    recent.drop(lambda value: value != 1)
    assert [recent.get(key) for key in "abc"] == [None, 1, None]
