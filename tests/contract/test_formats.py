"""Every format has a page, vectors, and a test that reads them; and its page names nothing that is not there."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGES = sorted((ROOT / "docs" / "formats").glob("*.md"))
VECTORS = sorted((ROOT / "tests" / "testdata" / "formats").glob("*.json"))
#: Where the code that pages name by module path may lie.
SOURCES = {"libs": ROOT, "services": ROOT, "wardenry": ROOT / "libs" / "sdk"}


def vectors_of_page(page: Path) -> str:
    # The index specifies framing, which every other page uses.
    return "framing" if page.stem == "README" else page.stem


def named(page: Path, pattern: str) -> list[str]:
    return re.findall(pattern, page.read_text())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_has_vectors(page: Path) -> None:
    path = ROOT / "tests" / "testdata" / "formats" / f"{vectors_of_page(page)}.json"
    assert path.is_file(), f"{page.name} has no {path.relative_to(ROOT)}"
    assert json.loads(path.read_text()), f"{path.relative_to(ROOT)} is empty"


@pytest.mark.parametrize("vectors", VECTORS, ids=lambda vectors: vectors.stem)
def test_vectors_have_a_page_and_a_test(vectors: Path) -> None:
    assert vectors.stem in {vectors_of_page(page) for page in PAGES}, f"{vectors.name} belongs to no page"
    reading = re.compile(rf"""vectors_of\("{vectors.stem}"\)|{vectors.name}""")
    tests = [path for path in (ROOT / "tests").rglob("test_*.py") if reading.search(path.read_text())]
    assert tests, f"no test reads {vectors.name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_names_only_what_exists(page: Path) -> None:
    for link in named(page, r"\]\(([^)#:]+)(?:#[^)]*)?\)"):
        assert (page.parent / link).is_file(), f"{page.name} links to {link}"
    for path in named(page, r"`((?:docs|libs|protos|services|tests)/[^`\s*<]+)`"):
        assert (ROOT / path).exists(), f"{page.name} names {path}"
    for module in named(page, r"Code: ((?:`[a-z_.]+`(?:, )?)+)"):
        for name in re.findall(r"`([a-z_.]+)`", module):
            top, _, rest = name.partition(".")
            source = SOURCES[top] / (top + "/" + rest.replace(".", "/"))
            assert source.with_suffix(".py").is_file() or source.is_dir(), f"{page.name} names {name}"


def test_the_index_lists_every_page() -> None:
    listed = set(named(ROOT / "docs" / "formats" / "README.md", r"\| \[[^\]]+\]\(([a-z0-9-]+)\.md\)"))
    assert listed == {page.stem for page in PAGES} - {"README"}
