"""docs/operations/renew-the-log-key.md, carried out on a stack of its own."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from libs.db.schemas import ROOT
from tests.support.events import eventually
from tests.support.people import People
from tests.support.stack import LocalStack, prepared_home

PAGE = ROOT / "docs" / "operations" / "renew-the-log-key.md"
#: The page's commands, in their order; `make run` stands among them.
BLOCK = re.compile(r"^ *```sh\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    return [line.strip() for block in BLOCK.findall(PAGE.read_text()) for line in block.splitlines()]


class Shell:
    """One shell after the other, which keep their variables and work on the stack's own home and addresses."""

    def __init__(self, stack: LocalStack, directory: Path) -> None:
        self._stack = stack
        self._directory = directory
        self.exported = ""

    def type(self, command: str) -> str:
        for told, meant in (
            ("http://localhost:8080", str(self._stack.state["urls"]["http"])),
            (".wardenry/", f"{self._stack.home}/"),
        ):
            command = command.replace(told, meant)
        if command.startswith("export "):
            self.exported = command
            return ""
        script = f"{self.exported}\n{command}" if self.exported else command
        done = subprocess.run(
            ["sh", "-e", "-c", script], cwd=self._directory, capture_output=True, text=True, check=True, timeout=60
        )
        return done.stdout

    def variable(self, name: str) -> str:
        return self.type(f'printf %s "${name}"')


def verified(directory: Path, *arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "wardenry.log.verify", *arguments, "--keys", "now.json", "--json"],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return {"code": done.returncode, **json.loads(done.stdout)}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    tmp_path.chmod(0o711)  # PostgreSQL may run as another user
    return prepared_home(tmp_path / "home")


async def test_the_page_renews_the_key_and_loses_nothing(home: Path, tmp_path: Path) -> None:
    stack = LocalStack(home, environment={"WARDENRY_AUDIT_ANCHOR_SECONDS": "1"})
    note, replace, export, run, look = commands()
    assert (run, "retired" in replace) == ("make run", True)
    shell = Shell(stack, tmp_path)
    people: People | None = None
    try:
        stack.start()
        people = People(stack)
        owner = await people.person()
        workspace = await people.workspace(owner)
        await people.entry(owner, workspace, "workspace.created")
        before = await owner.browser.download(f"{workspace.path}/audit/exports", {"format": "jsonl"})
        (tmp_path / "before.jsonl").write_bytes(before)
        shell.type(note)
        old = json.loads((tmp_path / "log-keys.json").read_text())["keys"][0]
        stack.stop()

        shell.type(replace)
        shell.type(export)
        assert shell.variable("WARDENRY_AUDIT_RETIRED_CHECKPOINT_KEY") == old
        stack = LocalStack(
            home, environment={"WARDENRY_AUDIT_ANCHOR_SECONDS": "1", "WARDENRY_AUDIT_RETIRED_CHECKPOINT_KEY": old}
        )
        stack.start()
        shell = Shell(stack, tmp_path)

        async def is_retired() -> bool:
            return bool(json.loads(shell.type(look))["retired"])

        await eventually(is_retired, seconds=120)
        published = json.loads(shell.type(look))
        assert [each["key"] for each in published["retired"]] == [old]
        assert old not in published["keys"]
        (tmp_path / "now.json").write_text(json.dumps(published))

        # What was exported before is believed with the proof that it entered in time, and not without.
        unproven = verified(tmp_path, "before.jsonl")
        assert (unproven["code"], unproven["verified"], unproven["findings"]) == (3, False, [])
        assert "checkpoint" in unproven["unchecked"]
        answer = await owner.browser.send("GET", f"{workspace.path}/audit/anchor?covering={unproven['size']}")
        assert answer.status_code == 200, answer.text
        (tmp_path / "anchor.json").write_bytes(answer.content)
        believed = verified(tmp_path, "before.jsonl", "--proof", "anchor.json")
        assert (believed["code"], believed["verified"], believed["retired_key"]) == (3, False, old)
        assert set(believed["unchecked"]) == {"signature"}
        after = await owner.browser.download(f"{workspace.path}/audit/exports", {"format": "jsonl"})
        (tmp_path / "after.jsonl").write_bytes(after)
        assert verified(tmp_path, "after.jsonl")["code"] == 0

        # Without the variable nothing is renewed: the key that is there is the present one, and another is refused.
        stack.stop()
        (home / "secrets" / "audit" / "checkpoint.key").write_bytes(bytes(32))
        stack = LocalStack(home)
        stack.spawn()
        said = stack.output()
        assert "the logs' present key is another" in said
        assert "Traceback" not in said
        assert stack.exit_code != 0
    finally:
        if people is not None:
            await people.close()
        stack.end()
