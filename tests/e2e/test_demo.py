"""The demo, as a person runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from deploy.local.demo.__main__ import CHAPTERS
from deploy.local.demo.narration import Narrator, StepFailed
from libs.db.schemas import ROOT
from tests.support.stack import LocalStack
from wardenry.clock import SystemClock


def demo(home: Path, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("WARDENRY_")}
    return subprocess.run(
        [sys.executable, "-m", "deploy.local.demo", *arguments],
        cwd=ROOT,
        env=inherited | {"WARDENRY_HOME": str(home)} | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_step_holds_on_the_stack_that_runs(stack: LocalStack) -> None:
    supervisor = stack.supervisor
    done = demo(stack.home, "--json")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["ok"]
    assert [step["name"] for step in summary["steps"]] == [name for _, steps in CHAPTERS for name, _ in steps]
    assert all(seconds < 1 for seconds in summary["measured"].values())
    assert stack.status()["pid"] == supervisor, "what ran before goes on"


def test_a_wrong_setting_is_one_line_and_nothing_is_started(tmp_path: Path) -> None:
    done = demo(tmp_path, WARDENRY_HTPS_PORT="1")
    assert done.returncode == 78
    assert done.stderr.splitlines() == ["WARDENRY_HTPS_PORT is no setting. Did you mean WARDENRY_HTTPS_PORT?"]
    assert not list(tmp_path.iterdir())


def test_a_step_that_does_not_hold_is_named() -> None:
    narrator = Narrator(console=Console(quiet=True), clock=SystemClock())
    with pytest.raises(StepFailed) as caught, narrator.step("The bridge opens"):
        raise ValueError("it is stuck")
    assert str(caught.value) == "The bridge opens: it is stuck"
    assert narrator.steps == []
