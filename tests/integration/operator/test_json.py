"""What `--json` writes has the fields that the page lists."""

import json
import re
from datetime import UTC, datetime

import pytest

from libs.db.schemas import ROOT
from services.operator.domain.founding import Founding
from services.operator.domain.parked import Outcome, Retried, SetAside
from services.operator.terminal import bootstrap, parked
from tests.support.operator import Wardenry

PAGE = ROOT / "docs" / "operations" / "operator.md"
README = ROOT / "services" / "operator" / "README.md"
AT = datetime(2026, 11, 22, tzinfo=UTC)


def listed() -> dict[str, tuple[str, list[str]]]:
    """Of each command: an object or a list, and its fields."""
    rows = re.findall(r"^\| `([a-z ]+)` \| (an object|a list) \| (.+) \|$", PAGE.read_text(), re.MULTILINE)
    return {command: (kind, re.findall(r"`(\w+)`", fields)) for command, kind, fields in rows}


@pytest.mark.parametrize("command", ["status", "doctor", "controls check", "controls list", "calibrate"])
def test_a_command_writes_what_the_page_lists(wardenry: Wardenry, command: str) -> None:
    more = {"controls check": ["S1", "T5"], "calibrate": ["--target-ms", "1"]}.get(command, [])
    said = wardenry(*command.split(), *more, "--json")
    assert said.error == ""
    written = json.loads(said.out)
    kind, fields = listed()[command]
    assert isinstance(written, dict) is (kind == "an object")
    for each in [written] if isinstance(written, dict) else written:
        assert list(each) == fields


def test_what_a_deployment_seldom_shows_is_listed_too() -> None:
    founding = Founding(link="https://id.example/", expires_at=AT, voided=0)
    record = SetAside(
        consumer="audit", digest=b"", reason="failed", detail="", topic="", size=0, parked_at=AT, event=None
    )
    retried = Retried(digest=b"", outcome=Outcome.TAKEN, detail="", event=None)
    shown = {
        "bootstrap": bootstrap.as_json_object(founding),
        "parked list": parked.record_as_json(record),
        "parked retry": parked.result_as_json(retried),
    }
    assert {command: list(each) for command, each in shown.items()} == {
        command: fields for command, (_, fields) in listed().items() if command in shown
    }


def test_every_command_is_listed() -> None:
    commands = re.findall(r"^\| `wardenry ([a-z ]+)` \|", README.read_text(), re.MULTILINE)
    assert sorted(commands) == sorted(listed())
