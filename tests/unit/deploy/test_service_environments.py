"""What the local stack tells each service is what its settings ask for, and no other service's secret is in it."""

import importlib
from pathlib import Path

import pytest

from deploy.local.home import Home
from deploy.local.ports import PREFERRED
from deploy.local.secrets import ensure_secrets
from deploy.local.services import GRPC_SERVICES, Surroundings, environment, operator_environment
from deploy.local.settings import SettingInvalid, StackSettings
from deploy.pki.development import ensure_certificates
from deploy.postgres.provision import LOGINS
from libs.config.settings import Settings, read
from libs.ids import SystemEntropy
from services.operator.config import OperatorSettings, environment_of
from wardenry.clock import SystemClock

SERVICES = (*GRPC_SERVICES, "gateway")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("home"))
    ensure_certificates(home.pki, clock=SystemClock())
    ensure_secrets(home.secrets, entropy=SystemEntropy())
    for service, roles in LOGINS.items():
        for role in roles:
            (home.secrets / f"{service}_{role}.url").write_text(
                f"postgresql://{service}_{role}:x@127.0.0.1:1/{service}"
            )
    return home


def around(home: Home, **passed: str) -> Surroundings:
    return Surroundings(
        settings=StackSettings(),
        home=home,
        ports=PREFERRED,
        kafka_bootstrap="127.0.0.1:9092",
        valkey_url="redis://:x@127.0.0.1:6379/0",
        passed=passed,
    )


def settings_of(service: str) -> type[Settings]:
    cls: type[Settings] = getattr(importlib.import_module(f"services.{service}.config"), f"{service.title()}Settings")
    return cls


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_starts_with_what_it_is_told(service: str, home: Home) -> None:
    settings = read(settings_of(service), environment(service, around(home)))
    assert settings.service == service


def test_the_operators_command_works_with_what_the_stack_writes(home: Home) -> None:
    stack = around(home)
    home.operator.write_text(operator_environment(stack))
    settings = read(OperatorSettings, environment_of({"WARDENRY_HOME": str(home.root)}))
    addresses = [getattr(settings, f"{service}_address") for service in GRPC_SERVICES]
    assert (settings.issuer, addresses) == (stack.issuer, [stack.address(service) for service in GRPC_SERVICES])
    assert settings.tls_cert_file == home.pki / "operator.crt"
    assert str(home.secrets) not in home.operator.read_text()


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_told_no_other_secrets(service: str, home: Home) -> None:
    told = environment(service, around(home))
    secrets = [Path(value) for value in told.values() if value.startswith(str(home.secrets))]
    own = [f"{service}/", f"{service}_"] + (["vault_runtime", "vault_maintenance"] if service == "identity" else [])
    for secret in secrets:
        assert str(secret.relative_to(home.secrets)).startswith(tuple(own)), secret
        assert "owner" not in secret.name
    assert told["WARDENRY_TLS_KEY_FILE"] == str(home.pki / f"{service}.key")


def test_a_persons_setting_passes_and_the_stacks_own_are_refused(home: Home) -> None:
    told = environment("gateway", around(home, WARDENRY_GATEWAY_STANDARD_RATE="5", WARDENRY_SESSION_X="1"))
    assert told["WARDENRY_GATEWAY_STANDARD_RATE"] == "5"
    assert "WARDENRY_SESSION_X" not in told
    with pytest.raises(SettingInvalid, match="WARDENRY_GATEWAY_HTTPS_LISTEN is set by the local stack itself"):
        environment("gateway", around(home, WARDENRY_GATEWAY_HTTPS_LISTEN="127.0.0.1:1"))
