"""Settings from an environment: what is taken, and the one line on what is not."""

from pathlib import Path
from typing import ClassVar

import pytest

from libs.config.secret import SecretInvalid, read_key, read_text
from libs.config.settings import EXIT_CONFIGURATION, ExistingFile, Settings, SettingsInvalid, load, read


class SessionSettings(Settings):
    service: ClassVar[str] = "session"

    #: Comma-separated.
    audiences: str = "records"
    keyring_file: ExistingFile


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    files = {name: tmp_path / name for name in ("ca.crt", "session.crt", "session.key", "keyring")}
    for file in files.values():
        file.write_bytes(b"x")
    return {
        "WARDENRY_TLS_CA_FILE": str(files["ca.crt"]),
        "WARDENRY_TLS_CERT_FILE": str(files["session.crt"]),
        "WARDENRY_TLS_KEY_FILE": str(files["session.key"]),
        "WARDENRY_SESSION_KEYRING_FILE": str(files["keyring"]),
        "PATH": "/usr/bin",
    }


def refusal(environment: dict[str, str]) -> str:
    with pytest.raises(SettingsInvalid) as caught:
        read(SessionSettings, environment)
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_common_settings_and_the_services_own(environment: dict[str, str]) -> None:
    settings = read(
        SessionSettings,
        {
            **environment,
            "WARDENRY_SESSION_AUDIENCES": "a,b",
            "WARDENRY_SESSION_ADDRESS": "session:7002",
            "WARDENRY_KAFKA_IDEMPOTENCE": "true",
            "WARDENRY_TRACE_RATIO": "0.5",
        },
    )
    assert (settings.audiences, settings.session_address) == ("a,b", "session:7002")
    assert (settings.kafka_idempotence, settings.trace_ratio) == (True, 0.5)
    assert settings.tls.key_file == settings.tls_key_file


def test_what_is_not_set_has_its_default_and_an_empty_value_is_not_set(environment: dict[str, str]) -> None:
    settings = read(SessionSettings, {**environment, "WARDENRY_LOG_LEVEL": "", "WARDENRY_OTLP_ENDPOINT": ""})
    assert (settings.log_level, settings.otlp_endpoint, settings.home_region) == ("info", None, "eu")


def test_an_unknown_variable_is_refused_with_the_one_that_was_meant(environment: dict[str, str]) -> None:
    line = refusal({**environment, "WARDENRY_SESSION_KEYRING_FIEL": "x"})
    assert "WARDENRY_SESSION_KEYRING_FIEL" in line
    assert "did you mean WARDENRY_SESSION_KEYRING_FILE?" in line
    assert "WARDENRY_KAFKA" in refusal({**environment, "WARDENRY_KAFKA": "x"})
    line = refusal({**environment, "WARDENRY_IDENTITY_ADRESS": "identity:7001"})
    assert "did you mean WARDENRY_IDENTITY_ADDRESS?" in line


def test_variables_of_other_processes_are_left_to_them(environment: dict[str, str]) -> None:
    read(SessionSettings, {**environment, "WARDENRY_IDENTITY_PEPPER_FILE": "/x", "WARDENRY_HOME": "/y"})


def test_a_missing_variable_is_named(environment: dict[str, str]) -> None:
    del environment["WARDENRY_SESSION_KEYRING_FILE"]
    assert refusal(environment).startswith("WARDENRY_SESSION_KEYRING_FILE is not set")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("WARDENRY_TLS_KEY_FILE", "/nowhere/session.key"),
        ("WARDENRY_LISTEN", "somewhere"),
        ("WARDENRY_ISSUER", "http://localhost"),
        ("WARDENRY_ISSUER", "https://localhost/"),
        ("WARDENRY_LINK_ORIGIN", "ftp://localhost"),
        ("WARDENRY_HOME_REGION", "Europe"),
        ("WARDENRY_OTLP_ENDPOINT", "localhost"),
        ("WARDENRY_LOG_LEVEL", "loud"),
        ("WARDENRY_TRACE_RATIO", "2"),
        ("WARDENRY_TRACE_RATIO", "-1"),
        ("WARDENRY_TRACE_RATIO", "half"),
        ("WARDENRY_KAFKA_IDEMPOTENCE", "maybe"),
        ("WARDENRY_VALKEY_URL", "localhost:6379"),
        ("WARDENRY_VALKEY_URL", "redis://localhost:secret/0"),
    ],
)
def test_a_wrong_value_is_told_by_its_variable(environment: dict[str, str], variable: str, value: str) -> None:
    told = refusal({**environment, variable: value})
    assert told.startswith(f"{variable} is wrong: ")
    # What the library that checks it calls it helps nobody.
    assert not any(word in told for word in ("Value error", "Input should", "String should", "^"))


def test_a_wrong_setting_ends_the_process_with_one_line(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for variable, value in {**environment, "WARDENRY_LISTEN": "x"}.items():
        monkeypatch.setenv(variable, value)
    with pytest.raises(SystemExit) as caught:
        load(SessionSettings)
    assert caught.value.code == EXIT_CONFIGURATION
    assert capsys.readouterr().err.count("\n") == 1


def test_settings_do_not_change(environment: dict[str, str]) -> None:
    settings = read(SessionSettings, environment)
    with pytest.raises(ValueError, match="frozen"):
        settings.log_level = "debug"


def test_a_secret_is_read_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://session@localhost/session\n")
    (tmp_path / "key").write_bytes(bytes(32))
    assert read_text(tmp_path / "url") == "postgresql://session@localhost/session"
    assert read_key(tmp_path / "key") == bytes(32)


@pytest.mark.parametrize("content", [b"", b"\n", b"two\nlines", b"\xff\xfe"])
def test_a_file_of_another_form_is_refused_without_its_content(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "url").write_bytes(content)
    with pytest.raises(SecretInvalid) as caught:
        read_text(tmp_path / "url")
    assert "two" not in str(caught.value)
    with pytest.raises(SecretInvalid):
        read_key(tmp_path / "url")
