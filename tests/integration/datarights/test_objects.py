"""The object store, as a directory."""

from pathlib import Path

import pytest

from services.datarights.clients.objects import ObstoreObjects
from services.datarights.domain.errors import ObjectsUnavailable


@pytest.fixture
def objects(tmp_path: Path) -> ObstoreObjects:
    return ObstoreObjects(url=f"file://{tmp_path}/objects")


async def test_what_was_put_is_there_until_it_is_removed(objects: ObstoreObjects) -> None:
    await objects.put("person/request/archive/list", b"1")
    await objects.put("person/request/archive/list", b"2")
    assert await objects.get("person/request/archive/list") == b"2"
    assert await objects.get("person/request/archive/1") is None
    await objects.remove("person/request/archive/list")
    await objects.remove("person/request/archive/list")
    assert await objects.get("person/request/archive/list") is None


async def test_what_is_below_a_directory_goes_and_nothing_beside_it(objects: ObstoreObjects, tmp_path: Path) -> None:
    names = [f"person/request/{where}/{number}" for where in ("archive/a", "rows/b") for number in range(30)]
    for name in (*names, "person/request-2/archive/1", "person-2/request/archive/1"):
        await objects.put(name, b"x")
    await objects.remove_below("person/request/rows")
    assert await objects.get(names[-1]) is None
    assert await objects.get(names[0]) == b"x"
    await objects.remove_below("person/request")
    await objects.remove_below("person/request")
    assert files(tmp_path / "objects") == ["person-2/request/archive/1", "person/request-2/archive/1"]
    await objects.remove_below("person")
    assert await objects.get("person-2/request/archive/1") == b"x"
    # Whose identifier a directory was named after is gone with it.
    assert sorted(path.name for path in (tmp_path / "objects").iterdir()) == ["person-2"]


def files(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file())


async def test_a_store_that_is_away_is_told_as_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no directory")
    objects = ObstoreObjects(url=f"file://{tmp_path}/objects")
    (tmp_path / "objects").rmdir()
    (tmp_path / "objects").symlink_to(tmp_path / "file")
    with pytest.raises(ObjectsUnavailable):
        await objects.put("a/b", b"x")
    with pytest.raises(ValueError, match="no URL of an object store"):
        ObstoreObjects(url="ftp://example.org/x")
