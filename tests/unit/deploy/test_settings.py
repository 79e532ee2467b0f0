"""What may be set about the local stack is checked before anything starts."""

from pathlib import Path

import pytest

from deploy.local.settings import SettingInvalid, StackSettings


def test_everything_has_a_default() -> None:
    settings, passed = StackSettings.read({"PATH": "/bin", "HOME": "/root"})
    assert settings == StackSettings()
    assert passed == {}


def test_values_are_read_and_empty_ones_count_as_unset() -> None:
    settings, _ = StackSettings.read(
        {
            "WARDENRY_HOME": "/data/a b",
            "WARDENRY_HTTP_PORT": "80",
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
        ("WARDENRY_", "x", "is no setting"),
        ("WARDENRY_HTTPS_PORT", "65536", "set a port from 1 to 65535"),
        ("WARDENRY_HTTPS_PORT", "-1", "set a port"),
        ("WARDENRY_HTTPS_PORT", "٣", "set a port"),
        ("WARDENRY_KAFKA_IDEMPOTENCE", "yes", "set true or false"),
    ],
)
def test_what_is_wrong_is_named_with_what_is_expected(variable: str, value: str, expected: str) -> None:
    with pytest.raises(SettingInvalid) as refused:
        StackSettings.read({variable: value})
    assert variable in str(refused.value)
    assert expected in str(refused.value)
    assert "\n" not in str(refused.value)
