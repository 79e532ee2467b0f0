"""The statements that bind a transaction to a context."""

from typing import Any
from uuid import UUID

import pytest

from libs.db.context import Context


def test_every_setting_is_set_even_when_empty() -> None:
    assert Context().begin() == (
        "BEGIN; SET LOCAL wardenry.workspaces = '';SET LOCAL wardenry.subjects = '';SET LOCAL wardenry.standing = ''"
    )


def test_ids_are_joined_by_commas() -> None:
    one, two = UUID(int=1), UUID(int=2)
    begin = Context(workspaces=frozenset({one, two}), subjects=frozenset({one}), standing="member").begin()
    assert f"'{one},{two}'" in begin or f"'{two},{one}'" in begin
    assert f"wardenry.subjects = '{one}'" in begin


class Liar(UUID):
    """A UUID whose text is another's."""

    def __str__(self) -> str:
        return "'; DROP TABLE subject; --"


def test_only_an_ids_bytes_reach_the_statement() -> None:
    assert "DROP" not in Context(workspaces=frozenset({Liar(int=1)})).begin()


@pytest.mark.parametrize("standing", ["owner", "member'; --", None])
def test_another_standing_is_refused(standing: Any) -> None:
    with pytest.raises(ValueError, match="standing"):
        Context(standing=standing)
