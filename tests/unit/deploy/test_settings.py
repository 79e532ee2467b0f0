"""What may be set about the local stack is checked before anything starts."""

from pathlib import Path

import pytest

from deploy.local.settings import SettingInvalid, StackSettings, administrator_url, host_and_port


def test_everything_has_a_default() -> None:
    settings, passed = StackSettings.read({"PATH": "/bin", "HOME": "/root"})
    assert settings == StackSettings()
    assert passed == {}


def test_values_are_read_and_empty_ones_count_as_unset() -> None:
    settings, _ = StackSettings.read(
        {
            "WARDENRY_HOME": "/data/a b",
            "WARDENRY_HTTP_PORT": "80",
            "WARDENRY_BROKER": "kafka",
            "WARDENRY_KAFKA_IDEMPOTENCE": "True",
            "WARDENRY_VALKEY_URL": "",
        }
    )
    assert settings.home == Path("/data/a b")
    assert settings.http_port == 80
    assert settings.kafka_idempotence is True
    assert settings.valkey_url is None


def test_settings_of_services_pass_through() -> None:
    _, passed = StackSettings.read({"WARDENRY_SESSION_ACCESS_SECONDS": "60"})
    assert passed == {"WARDENRY_SESSION_ACCESS_SECONDS": "60"}


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("WARDENRY_KAFKA_BOTSTRAP", "x", "Did you mean WARDENRY_KAFKA_BOOTSTRAP?"),
        ("WARDENRY_COLOUR", "x", "README.md lists them."),
        ("WARDENRY_", "x", "is no setting"),
        ("WARDENRY_HTTPS_PORT", "65536", "set a port from 1 to 65535"),
        ("WARDENRY_HTTPS_PORT", "-1", "set a port"),
        ("WARDENRY_HTTPS_PORT", "٣", "set a port"),
        ("WARDENRY_KAFKA_IDEMPOTENCE", "yes", "set true or false"),
        ("WARDENRY_KAFKA_IDEMPOTENCE", "true", "the embedded broker cannot"),
        ("WARDENRY_BROKER", "rabbit", "set tansu or kafka"),
        ("WARDENRY_KAFKA_BOOTSTRAP", "broker", "set host:port, or several with commas"),
        ("WARDENRY_KAFKA_BOOTSTRAP", "a:9092,", "set host:port"),
        ("WARDENRY_KAFKA_BOOTSTRAP", "kafka://a:9092", "set host:port"),
        ("WARDENRY_VALKEY_URL", "localhost:6379", "set redis://"),
        ("WARDENRY_VALKEY_URL", "redis://:secret@/0", "set redis://"),
        ("WARDENRY_VALKEY_URL", "redis://localhost:secret/0", "set redis://"),
        ("WARDENRY_OTLP_ENDPOINT", "localhost:4317", "set http://host:4317"),
        ("WARDENRY_OTLP_ENDPOINT", "http://u:secret@collector:4317", "set http://host:4317"),
        ("WARDENRY_OTLP_ENDPOINT", "http://collector:4318/v1/traces", "set http://host:4317"),
        ("WARDENRY_TRACE_RATIO", "5%", "set a number from 0 to 1"),
        ("WARDENRY_TRACE_RATIO", "1.5", "set a number from 0 to 1"),
        ("WARDENRY_TRACE_RATIO", "nan", "set a number from 0 to 1"),
    ],
)
def test_what_is_wrong_is_named_with_what_is_expected(variable: str, value: str, expected: str) -> None:
    with pytest.raises(SettingInvalid) as refused:
        StackSettings.read({variable: value})
    assert variable in str(refused.value)
    assert expected in str(refused.value)
    assert "\n" not in str(refused.value)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("value", ["a:9092", "a:9092,b.example:19092", "[::1]:9092"])
def test_brokers_are_hosts_and_ports(value: str) -> None:
    settings, _ = StackSettings.read({"WARDENRY_KAFKA_BOOTSTRAP": value})
    assert settings.kafka_bootstrap == value


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("postgresql://postgres:secret@db.example:6432/postgres", "db.example:6432"),
        ("postgres://postgres:secret@db.example/postgres", "db.example:5432"),
        ("rediss://:secret@[::1]/0", "[::1]:6379"),
    ],
)
def test_an_address_is_told_without_its_password(url: str, address: str) -> None:
    assert host_and_port(url) == address


@pytest.mark.parametrize("content", [b"", b"secret", b"mysql://root:secret@db/x", b"postgresql:///postgres", b"\xff"])
def test_a_file_without_an_administrators_url_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "administrator.url"
    file.write_bytes(content)
    with pytest.raises(SettingInvalid, match="administrator") as refused:
        administrator_url(file)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, False),
        ({"WARDENRY_BROKER": "tansu"}, False),
        ({"WARDENRY_BROKER": "kafka"}, True),
        ({"WARDENRY_BROKER": "kafka", "WARDENRY_KAFKA_IDEMPOTENCE": "false"}, False),
        ({"WARDENRY_KAFKA_BOOTSTRAP": "kafka:9092", "WARDENRY_KAFKA_IDEMPOTENCE": "true"}, True),
        # A broker of one's own is used instead, and nothing is known of it.
        ({"WARDENRY_BROKER": "kafka", "WARDENRY_KAFKA_BOOTSTRAP": "kafka:9092"}, False),
    ],
)
def test_producers_are_idempotent_where_the_broker_can(variables: dict[str, str], expected: bool) -> None:
    settings, _ = StackSettings.read(variables)
    assert settings.idempotence is expected
