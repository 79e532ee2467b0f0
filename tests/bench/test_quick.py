"""The benchmarks run and write what programs read. What they measure is asserted nowhere."""

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

from libs.db.schemas import ROOT


def test_a_quick_row_writes_its_figures_and_their_picture(tmp_path: Path) -> None:
    figures = tmp_path / "out" / "figures.json"
    asked = ["--rows", "T1", "--quick", "--json", str(figures)]
    run = subprocess.run(
        [sys.executable, "-m", "tests.bench", *asked], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    written = json.loads(figures.read_text())
    assert [each["id"] for each in written] == ["T1", "T1-cached"]
    for each in written:
        assert list(each) == ["id", "result", "unit", "limit", "ratio", "goal", "met", "cpu_ms_per_op"]
        assert each["result"] > 0
        assert isinstance(each["met"], bool)
        assert all(milliseconds > 0 for milliseconds in each["cpu_ms_per_op"].values())
    drawn = ElementTree.parse(figures.with_suffix(".svg")).getroot()  # noqa: S314 - our own file
    assert drawn.tag.endswith("svg")
    assert "load average" in run.stdout


def test_a_row_that_does_not_exist_is_refused() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "tests.bench", "--rows", "Z9"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 2
    assert "Z9" in run.stderr
