"""However the command is called, it ends with an exit code that means something and one line, never a traceback."""

import json
import os
import signal
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.mutual_tls import CertificatesForTests
from tests.support.operator import Wardenry

SERVICES = ("identity", "session", "tenancy", "audit", "datarights")


def deployment(certificates: CertificatesForTests, *, port: int = 1) -> dict[str, str]:
    """The settings of one whose servers are all at this port."""
    tls = certificates.of("operator")
    return {
        "WARDENRY_TLS_CA_FILE": str(tls.ca_file),
        "WARDENRY_TLS_CERT_FILE": str(tls.certificate_file),
        "WARDENRY_TLS_KEY_FILE": str(tls.key_file),
        "WARDENRY_ISSUER": f"https://localhost:{port}",
        **{f"WARDENRY_{service.upper()}_ADDRESS": f"127.0.0.1:{port}" for service in SERVICES},
    }


def ended(process: "subprocess.Popen[str]") -> tuple[int, str]:
    """Its exit code, and what it wrote to standard error."""
    assert process.stderr is not None
    with process.stderr as stream:
        error = stream.read()
    return process.wait(timeout=120), error


@pytest.mark.parametrize("arguments", [("controls", "list"), ("controls", "list", "--json")])
def test_who_reads_no_further_changes_nothing(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as gone:
        assert ended(Wardenry(home=tmp_path).spawn(*arguments, out=gone)) == (0, "")


@pytest.mark.parametrize("arguments", [("controls", "list"), ("controls", "list", "--json")])
def test_output_that_is_lost_is_told(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        code, error = ended(Wardenry(home=tmp_path).spawn(*arguments, out=full))
    assert (code, error) == (74, "Standard output cannot be written: No space left on device.\n")


def misfit(certificates: CertificatesForTests, what: str) -> Mapping[str, str]:
    other = certificates.of("session")
    settings = deployment(certificates)
    return (
        settings
        | {
            "authority": {"WARDENRY_TLS_CA_FILE": str(other.key_file)},
            "edge authority": {"WARDENRY_OPERATOR_EDGE_CA_FILE": str(other.key_file)},
            "key": {"WARDENRY_TLS_KEY_FILE": str(other.key_file)},
            "certificate": {"WARDENRY_TLS_CERT_FILE": str(other.key_file)},
        }[what]
    )


@pytest.mark.parametrize(
    "arguments", [("status",), ("doctor",), ("controls", "check"), ("bootstrap", "--address", "x")]
)
@pytest.mark.parametrize("what", ["authority", "edge authority", "key", "certificate"])
def test_files_that_cannot_be_used_are_named_before_anything_is_asked(
    tmp_path: Path, certificates: CertificatesForTests, what: str, arguments: tuple[str, ...]
) -> None:
    said = Wardenry(home=tmp_path)(*arguments, environment=misfit(certificates, what))
    assert (said.code, said.out, said.error.count("\n")) == (78, "", 1), said.error
    assert said.error.startswith(("WARDENRY_TLS_", "WARDENRY_OPERATOR_EDGE_CA_FILE"))


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"garbage\n", b"WARDENRY_X='\n"])
def test_a_stacks_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "operator.env").write_bytes(content)
    said = Wardenry(home=tmp_path)("status")
    assert (said.code, said.out, said.error.count("\n")) == (78, "", 1)
    assert said.error.startswith(str(tmp_path / "operator.env"))


@pytest.mark.parametrize(
    "arguments", [("status",), ("doctor",), ("controls", "check"), ("controls", "check", "--json")]
)
def test_ctrl_c_ends_it_in_one_line(
    tmp_path: Path, certificates: CertificatesForTests, arguments: tuple[str, ...]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = deployment(certificates, port=silent.getsockname()[1])
        process = Wardenry(home=tmp_path).spawn(*arguments, environment=settings)
        silent.settimeout(60)
        connection, _ = silent.accept()  # it is at work
        with connection:
            process.send_signal(signal.SIGINT)
            assert ended(process) == (130, "Interrupted.\n")
        assert process.stdout is not None
        process.stdout.close()


@pytest.mark.parametrize("arguments", [("controls", "list"), ("calibrate",)])
def test_a_terminal_that_knows_ascii_alone_is_no_reason_to_fail(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    said = Wardenry(home=tmp_path)(*arguments, environment={"PYTHONIOENCODING": "ascii", "NO_COLOR": "1"})
    assert (said.code, said.error) == (0, "")
    assert os.linesep in said.out


CHECKS = ["parts", "certificates", "clock", "backlog", "parked", "issuer", "keys", "log", "tls", "files"]


def test_where_nothing_answers_no_check_is_left_out_and_none_that_needs_an_answer_is_ok(
    tmp_path: Path, certificates: CertificatesForTests
) -> None:
    said = Wardenry(home=tmp_path)("doctor", "--json", environment=deployment(certificates))
    found = json.loads(said.out)["diagnoses"]
    assert (said.code, list(dict.fromkeys(each["check"] for each in found))) == (1, CHECKS)
    assert [each["check"] for each in found if each["severity"] == "ok"] == ["files"]
    (keys,) = (each for each in found if each["check"] == "keys")
    assert (keys["severity"], "session" in keys["what"]) == ("unknown", True)


@pytest.mark.parametrize("command", ["status", "doctor"])
def test_where_nothing_answers_the_first_line_says_so_and_what_starts_it(
    tmp_path: Path, certificates: CertificatesForTests, command: str
) -> None:
    said = Wardenry(home=tmp_path)(command, environment=deployment(certificates))
    assert said.out.splitlines()[:2] == [
        "Nothing answers: nothing seems to run here. Start the local stack: make run.",
        "",
    ]
    assert max(map(len, said.out.splitlines())) <= 80
