"""docs/permissions.md is the matrix that the SDK checks."""

import itertools
import re
from pathlib import Path

import pytest

from wardenry.permissions import ROLE_PERMISSIONS, Permission, Role, allows

PAGE = Path("docs/permissions.md").read_text(encoding="utf-8")


def matrix() -> dict[tuple[str, str], bool]:
    rows = re.findall(r"^\| `([a-z.]+)` \| [^|]+ \| (.+) \|$", PAGE, flags=re.MULTILINE)
    return {
        (role.value, permission): cell == "yes"
        for permission, cells in rows
        for role, cell in zip(Role, cells.split(" | "), strict=True)
    }


def test_the_page_and_the_code_say_the_same() -> None:
    written = matrix()
    assert len(written) == len(Role) * len(Permission)
    assert written == {(role.value, each.value): allows(role, each) for role in Role for each in Permission}


def test_a_higher_role_may_whatever_a_lower_one_may() -> None:
    roles = list(Role)
    for higher, lower in itertools.pairwise(roles):
        assert higher.is_above(lower)
        assert not lower.is_above(higher)
        assert ROLE_PERMISSIONS[higher] >= ROLE_PERMISSIONS[lower]


@pytest.mark.parametrize(("role", "permission"), [(None, "record.read"), ("root", "record.read"), ("owner", "all")])
def test_what_is_not_listed_nobody_holds(role: str | None, permission: str) -> None:
    assert not allows(role, permission)
