"""The commands of the API's page work one after another as they stand there, and answer as it shows."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from libs.db.schemas import ROOT
from tests.support.stack import LocalStack

PAGE = ROOT / "docs" / "api.md"
BLOCK = re.compile(r"^```(shell|json|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PYTHON = ".venv/bin/python"
#: Between the outputs of two blocks.
END = "\x1e"
#: Values that are the same whoever asks and whenever.
FIXED = {"role", "display_name", "type", "title", "status", "detail", "reason", "violations", "next_page_token"}


def shape(value: Any, name: str = "") -> Any:
    """What of an answer is always the same: names, nesting, and the values that do not depend on who asks."""
    if name in FIXED:
        return value
    if isinstance(value, dict):
        return {key: shape(each, key) for key, each in value.items()}
    return [shape(each) for each in value] if isinstance(value, list) else type(value)


def test_its_commands_work_and_answer_as_shown(stack: LocalStack, tmp_path: Path) -> None:
    blocks: list[tuple[str, str]] = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    script = f"printf '{END}'\n".join(text for kind, text in blocks if kind == "shell")
    assert PYTHON in script
    checkout, temporary = tmp_path / "checkout", tmp_path / "temporary"
    checkout.mkdir()
    temporary.mkdir()
    done = subprocess.run(
        ["sh", "-eu", "-c", script.replace(PYTHON, shlex.quote(sys.executable))],
        cwd=checkout,
        env=os.environ
        | {"TMPDIR": str(temporary), "WARDENRY_HOME": str(stack.home), "PYTHONPATH": f"{ROOT}:{ROOT / 'libs' / 'sdk'}"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    outputs = iter(done.stdout.split(END))
    said = ""
    compared = 0
    for kind, shown in blocks:
        if kind == "shell":
            said = next(outputs)
        elif kind == "json":
            assert shape(json.loads(said)) == shape(json.loads(shown)), shown
            compared += 1
        else:
            assert said.split() == shown.split(), shown
            compared += 1
    assert compared >= 8
    # Nothing is left, here or where it was kept meanwhile.
    assert [*checkout.iterdir(), *temporary.iterdir()] == []
