"""What the pages tell people to type is there, what they point at exists, and their settings are the real ones."""

import importlib
import re
import shlex
import subprocess
import tomllib
from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path

import pytest

from deploy.local.settings import StackSettings
from libs.config.settings import Settings, variable_of

ROOT = Path(__file__).parent.parent.parent
SERVICES = sorted(path.parent.name for path in ROOT.glob("services/*/config.py"))
PAGES = sorted(
    [ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("services/*/README.md"), *ROOT.glob("deploy/**/*.md")]
)
TOP = sorted(path.name for path in ROOT.iterdir() if not path.name.startswith(".wardenry"))
#: A path from the root of the repository; what holds a placeholder names no one file.
PATH = re.compile(rf"`((?:{'|'.join(re.escape(name) for name in TOP)})(?:/[^`\s]*)?)`")
PLACEHOLDER = re.compile(r"[<>*{}…$]")
FENCE = re.compile(r"^```(?:sh|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`((?:make|(?:\.venv/bin/)?python) [^`\n]*)`")


def relative(page: Path) -> str:
    return str(page.relative_to(ROOT))


def commands(page: Path) -> list[list[str]]:
    """What the page says that one can type, as words, without comments and variables."""
    text = page.read_text()
    lines = [line for block in FENCE.findall(text) for line in block.splitlines()] + INLINE.findall(text)
    split = [shlex.split(line.removeprefix("$ "), comments=True) for line in lines]
    return [words for words in split if words]


def verbs() -> set[str]:
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None
    return set(phony.group(1).split())


def programs() -> set[str]:
    """The commands that our distributions install."""
    projects = [
        tomllib.loads(path.read_text())["project"]
        for path in (ROOT / "pyproject.toml", ROOT / "libs/sdk/pyproject.toml")
    ]
    return {name for project in projects for name in project.get("scripts", {})}


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_what_a_page_tells_to_type_exists(page: Path) -> None:
    for words in commands(page):
        while re.fullmatch(r"[A-Z_]+=.*", words[0]):  # variables before the command
            words.pop(0)
        program = Path(words[0]).name
        if program == "make":
            asked = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
            assert set(asked) <= verbs(), f"{relative(page)}: {shlex.join(words)}"
        elif program in ("python", "python3"):
            assert words[1] == "-m"
            assert find_spec(words[2]) is not None, f"{relative(page)}: {shlex.join(words)}"
        else:
            assert program in programs(), f"{relative(page)}: {shlex.join(words)}"


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_what_a_page_points_at_exists(page: Path) -> None:
    text = page.read_text()
    for path in PATH.findall(text):
        file = path.partition("::")[0]  # of a test in it
        if not PLACEHOLDER.search(file):
            assert (ROOT / file).exists(), f"{relative(page)} names {file}"
    for link in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", text):
        assert (page.parent / link).exists(), f"{relative(page)} links to {link}"


def rows(page: Path, heading: str) -> dict[str, tuple[str, ...]]:
    """The cells of the tables under a heading, by the names in the first cell."""
    section = page.read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]
    return {name: tuple(cells[1:]) for cells in table for name in re.findall(r"`([A-Z_]+)`", cells[0])}


def default_of(cls: type[Settings], field: str) -> str:
    """How a page writes it."""
    default = cls.model_fields[field].default
    if cls.model_fields[field].is_required():
        return "required"
    if default in (None, ""):
        return "none"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_documents_exactly_its_settings_and_their_defaults(service: str) -> None:
    cls: type[Settings] = getattr(importlib.import_module(f"services.{service}.config"), f"{service.title()}Settings")
    kinds = cls.__mro__[: cls.__mro__.index(Settings)]
    own = [field for kind in kinds for field in kind.__annotations__ if field in cls.model_fields]
    documented = rows(ROOT / "services" / service / "README.md", "Settings")
    assert set(documented) == {variable_of(cls, field) for field in own}
    for field in own:
        assert documented[variable_of(cls, field)][-1] == default_of(cls, field), field


def test_the_first_page_documents_exactly_what_the_local_stack_takes() -> None:
    assert set(rows(ROOT / "README.md", "Running it")) == {
        f"WARDENRY_{field.name.upper()}" for field in fields(StackSettings)
    }


def test_make_lists_every_verb_from_any_directory(tmp_path: Path) -> None:
    listed = subprocess.run(
        ["make", "-C", str(ROOT), "--no-print-directory", "help"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert {line.split()[1] for line in listed.splitlines()} | {".venv"} == verbs()
