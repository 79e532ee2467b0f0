"""Where the command finds the deployment: its own environment, or what the local stack wrote."""

from pathlib import Path

import pytest

from libs.config.settings import SettingsInvalid, read
from services.operator.config import NothingRuns, OperatorSettings, environment_of, local_file


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The home of a local stack that runs; spaces in its name, as people have them."""
    home = tmp_path / "my home"
    home.mkdir()
    for name in ("ca.crt", "operator.crt", "operator.key"):
        (home / name).touch()
    lines = [f"WARDENRY_TLS_{kind}_FILE='{home / name}'" for kind, name in FILES.items()]
    lines += ["# why not", "", "WARDENRY_ISSUER=https://localhost:1", "WARDENRY_AUDIT_ADDRESS=127.0.0.1:2"]
    (home / "operator.env").write_text("\n".join(lines))
    (home / "operator.env").chmod(0o600)
    return home


FILES = {"CA": "ca.crt", "CERT": "operator.crt", "KEY": "operator.key"}


def test_without_a_certificate_it_is_the_local_stack(home: Path) -> None:
    environment = environment_of({"WARDENRY_HOME": str(home)})
    settings = read(OperatorSettings, environment)
    assert (settings.issuer, settings.audit_address) == ("https://localhost:1", "127.0.0.1:2")
    assert settings.tls_key_file == home / "operator.key"


def test_the_local_home_is_here_unless_it_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.rename(home.with_name(".wardenry"))
    monkeypatch.chdir(home.parent)
    assert environment_of({})["WARDENRY_ISSUER"] == "https://localhost:1"


@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_where_nobody_named_the_home_what_others_may_have_written_is_refused(
    home: Path, monkeypatch: pytest.MonkeyPatch, mode: int
) -> None:
    here = home.rename(home.with_name(".wardenry"))
    (here / "operator.env").chmod(mode)
    monkeypatch.chdir(home.parent)
    with pytest.raises(SettingsInvalid, match=r"operator\.env is not yours alone.*WARDENRY_HOME"):
        environment_of({})
    assert environment_of({"WARDENRY_HOME": str(here)})["WARDENRY_ISSUER"] == "https://localhost:1"


def test_so_is_the_file_of_another_user(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = home.rename(home.with_name(".wardenry"))
    owner = (here / "operator.env").stat().st_uid
    monkeypatch.chdir(home.parent)
    monkeypatch.setattr("os.geteuid", lambda: owner + 1)
    with pytest.raises(SettingsInvalid, match="not yours alone"):
        environment_of({})
    assert environment_of({"WARDENRY_HOME": str(here)})["WARDENRY_ISSUER"] == "https://localhost:1"


def test_what_is_ours_overrides_it_and_what_is_the_stacks_is_passed_over(home: Path) -> None:
    process = {
        "WARDENRY_HOME": str(home),
        "WARDENRY_ISSUER": "https://localhost:3",
        "WARDENRY_AUDIT_ADDRESS": "",
        "WARDENRY_BROKER": "kafka",
        "PATH": "/bin",
    }
    settings = read(OperatorSettings, environment_of(process))
    assert (settings.issuer, settings.audit_address) == ("https://localhost:3", "127.0.0.1:2")


def test_with_a_certificate_the_environment_alone_counts(home: Path) -> None:
    process = {"WARDENRY_HOME": str(home), "WARDENRY_TLS_CERT_FILE": str(home / "operator.crt")}
    assert environment_of(process) == process
    assert local_file(process) is None
    with pytest.raises(SettingsInvalid, match="WARDENRY_TLS_CA_FILE is not set"):
        read(OperatorSettings, environment_of(process))


def test_nothing_runs(tmp_path: Path) -> None:
    with pytest.raises(NothingRuns, match=f"Nothing runs in {tmp_path}.*make run.*WARDENRY_TLS_CERT_FILE"):
        environment_of({"WARDENRY_HOME": str(tmp_path)})


@pytest.mark.parametrize("line", ["PATH=/bin", "WARDENRY_ISSUER", "WARDENRY_ISSUER='https://", "export WARDENRY_X=1"])
def test_a_file_that_is_no_such_file_is_refused_by_its_line(home: Path, line: str) -> None:
    (home / "operator.env").write_text(f"WARDENRY_LOG_LEVEL=info\n{line}\n")
    with pytest.raises(SettingsInvalid, match=r"operator\.env, line 2"):
        environment_of({"WARDENRY_HOME": str(home)})


def test_a_variable_that_nobody_knows_is_refused(home: Path) -> None:
    with (home / "operator.env").open("a") as file:
        file.write("\nWARDENRY_OPERATOR_EDGE_CA=x\n")
    with pytest.raises(SettingsInvalid, match="did you mean WARDENRY_OPERATOR_EDGE_CA_FILE"):
        read(OperatorSettings, environment_of({"WARDENRY_HOME": str(home)}))
