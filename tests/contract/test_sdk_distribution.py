"""The SDK's own distribution: installable beside the versions that its generated code was made for."""

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

SDK = Path(__file__).parents[2] / "libs" / "sdk"
DEPENDENCIES: list[str] = tomllib.loads((SDK / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]


def lower_bound(distribution: str) -> str:
    (bound,) = (each.removeprefix(f"{distribution}>=") for each in DEPENDENCIES if each.startswith(f"{distribution}>="))
    return bound


def generated() -> list[Path]:
    return sorted(SDK.glob("wardenry/**/*_pb2.py")) + sorted(SDK.glob("wardenry/**/*_pb2_grpc.py"))


def test_generated_code_is_found() -> None:
    assert len(generated()) > 30


@pytest.mark.parametrize("file", generated(), ids=lambda file: str(file.name))
def test_the_lower_bounds_are_the_generators_versions(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    if file.name.endswith("_grpc.py"):
        found = re.search(r"^GRPC_GENERATED_VERSION = '([\d.]+)'$", text, flags=re.MULTILINE)
        assert found is not None
        assert found[1] == lower_bound("grpcio")
    else:
        found = re.search(r"_runtime_version\.Domain\.PUBLIC,\s+(\d+),\s+(\d+),\s+(\d+),", text)
        assert found is not None
        assert ".".join(found.groups()) == lower_bound("protobuf")


@pytest.mark.parametrize("distribution", ["grpcio", "protobuf", "cryptography"])
def test_what_is_installed_is_not_older(distribution: str) -> None:
    installed = tuple(map(int, version(distribution).split(".")))
    assert installed >= tuple(map(int, lower_bound(distribution).split(".")))
