"""`wardenry status` and `wardenry doctor` beside a running stack, and where there is none."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.operator import Wardenry
from tests.support.running_stack import running
from tests.support.stack import LocalStack

PARTS = ["identity", "session", "tenancy", "audit", "datarights", "gateway"]
LIFE_DAYS = 365


@contextmanager
def paused(stack: LocalStack, name: str) -> Iterator[None]:
    """The piece answers nothing meanwhile, and goes on afterwards."""
    pid = stack.pid_of(name)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_it_finds_the_stack_by_itself_and_all_is_well(stack: LocalStack, wardenry: Wardenry, tmp_path: Path) -> None:
    said = wardenry("status", at=tmp_path)
    assert (said.code, said.error) == (0, "")
    lines = said.out.splitlines()
    assert [line.split()[0] for line in lines[1:7]] == PARTS
    assert all(" ready " in line for line in lines[1:7])
    assert any(line.startswith("platform log: ") for line in lines)
    assert "\x1b" not in said.out
    assert max(map(len, lines)) <= 80


def test_programs_get_one_document(stack: LocalStack, wardenry: Wardenry) -> None:
    status = json.loads(wardenry("status", "--json").out)
    assert status["well"]
    assert [part["name"] for part in status["parts"]] == PARTS
    for part in status["parts"]:
        names = [part["name"]] if part["name"] != "gateway" else ["localhost", "IPAddress 127.0.0.1", "IPAddress ::1"]
        assert part["certificate"]["names"] == names
        assert 0 < part["certificate"]["days_left"] < LIFE_DAYS
        assert part["latency_ms"] > 0
        assert (part["ready"], part["trouble"]) == (True, None)
    for part in status["parts"][:-1]:
        clock, outbox = part["told"]["clock_ahead_ms"], part["told"]["outbox"]
        # One machine, one clock: it lies between what a question and its answer can tell.
        assert clock["least"] <= 0 <= clock["most"]
        consumers = ["audit", "session"] if part["name"] == "identity" else ["audit"]
        assert [each["consumer"] for each in outbox["backlogs"]] == consumers
        assert all(each["events"] >= 0 and not each["ahead"] for each in outbox["backlogs"])
        assert (part["told"]["parked"], part["untold"]) == ([], None)
    assert status["parts"][-1]["told"] is None
    assert status["platform_log"]["size"] >= 0
    assert status["platform_log"]["signed_at"]


def test_what_does_not_answer_is_named(stack: LocalStack, wardenry: Wardenry) -> None:
    with paused(stack, "datarights"):
        said = wardenry("status", "--json")
    parts = {part["name"]: part for part in json.loads(said.out)["parts"]}
    assert (said.code, [name for name, part in parts.items() if not part["reachable"]]) == (1, ["datarights"])
    assert "no answer" in parts["datarights"]["trouble"]
    assert parts["datarights"]["told"] is None
    assert all(parts[name]["told"] for name in PARTS[:4])


def test_what_a_consumer_does_not_say_is_not_known(stack: LocalStack, wardenry: Wardenry) -> None:
    with paused(stack, "audit"):
        said = wardenry("doctor", "--json")
    assert said.code == 1
    found = {(each["check"], each["severity"]): each["what"] for each in json.loads(said.out)["diagnoses"]}
    assert found["clock", "unknown"] == "That of audit is not known."
    assert found["parked", "unknown"] == "What audit parked is not known."
    told = [each["what"] for each in json.loads(said.out)["diagnoses"] if each["check"] == "backlog"]
    assert told == [
        "audit does not say what it has of the events of identity, session, tenancy, datarights.",
        "What waits in the outbox of audit is not known.",
    ]


def test_another_one_at_its_address_is_found_out(stack: LocalStack, wardenry: Wardenry) -> None:
    session = running(stack).addresses["session"]
    said = wardenry("status", environment={"WARDENRY_TENANCY_ADDRESS": session})
    assert said.code == 1
    assert "tenancy: its certificate is not to be trusted" in " ".join(said.out.split())


def test_nothing_is_wrong_with_a_fresh_stack(stack: LocalStack, wardenry: Wardenry) -> None:
    said = wardenry("doctor")
    assert (said.code, said.error) == (0, ""), said.out
    assert max(map(len, said.out.splitlines())) <= 80
    found = json.loads(wardenry("doctor", "--json").out)
    assert found["well"]
    checks = ["parts", "certificates", "clock", "backlog", "parked", "issuer", "keys", "log", "tls", "files"]
    assert [each["check"] for each in found["diagnoses"]] == checks


def test_what_is_wrong_is_found_and_how_to_mend_it(stack: LocalStack, wardenry: Wardenry) -> None:
    here = running(stack)
    key = here.pki / "operator.key"
    key.chmod(0o640)
    try:
        # The same gateway, by another name than the one that it was given.
        elsewhere = here.https.replace("localhost", "127.0.0.1")
        said = wardenry("doctor", "--json", environment={"WARDENRY_ISSUER": elsewhere})
    finally:
        key.chmod(0o600)
    found = {each["check"]: each for each in json.loads(said.out)["diagnoses"] if each["severity"] != "ok"}
    assert (said.code, sorted(found)) == (1, ["files", "issuer", "log"])
    assert found["files"]["mend"] == f"chmod 600 {key}"
    assert (found["issuer"]["severity"], found["log"]["severity"]) == ("error", "warning")


@pytest.mark.parametrize("command", [("status",), ("doctor",), ("bootstrap", "--address", "ops@example.com")])
def test_where_nothing_runs_one_line_says_so(tmp_path: Path, command: tuple[str, ...]) -> None:
    said = Wardenry(home=tmp_path)(*command)
    assert (said.code, said.out) == (69, "")
    assert said.error.startswith(f"Nothing runs in {tmp_path}: start it with make run")
    assert said.error.count("\n") == 1


def test_a_setting_that_is_wrong_is_named_in_one_line(tmp_path: Path) -> None:
    certificate = tmp_path / "operator.crt"
    said = Wardenry(home=tmp_path)("status", environment={"WARDENRY_TLS_CERT_FILE": str(certificate)})
    assert (said.code, said.out, said.error.count("\n")) == (78, "", 1)
    assert "WARDENRY_TLS_" in said.error


def test_the_stacks_file_is_its_owners_alone_and_says_nothing_secret(stack: LocalStack) -> None:
    file = stack.home / "operator.env"
    assert file.stat().st_mode & 0o777 == 0o600
    # Paths and addresses: whoever reads it learns where the key is, not the key.
    assert {line.partition("=")[0].rpartition("_")[2] for line in file.read_text().splitlines()} == {
        "FILE",
        "ISSUER",
        "ADDRESS",
    }


def test_all_down_is_another_exit_code_than_some(stack: LocalStack, tmp_path: Path) -> None:
    # As after a kill of the whole stack, whose file stays behind.
    lines = (stack.home / "operator.env").read_text().splitlines()
    nowhere = [line.partition("=")[0] + "=127.0.0.1:1" if "_ADDRESS=" in line else line for line in lines]
    nowhere = ["WARDENRY_ISSUER=https://localhost:1" if "_ISSUER=" in line else line for line in nowhere]
    (tmp_path / "operator.env").write_text("\n".join(nowhere))
    command = Wardenry(home=tmp_path)
    assert command("status").code == 69
    refused = command("bootstrap", "--address", "ops@example.com")
    assert (refused.code, refused.error.count("\n")) == (69, 1)
    assert "connection refused" in refused.error
    assert refused.error.endswith("wardenry status shows which part of it runs.\n")
    # Where some of it answers the next step is told; where none does, the first line tells it.
    assert "wardenry doctor says" not in command("status").out
    some = [line if "_TENANCY_" in line else gone for line, gone in zip(lines, nowhere, strict=True)]
    (tmp_path / "operator.env").write_text("\n".join(some))
    said = command("status")
    assert said.code == 1
    assert said.out.endswith("wardenry doctor says what is wrong, and how to mend it.\n")
