"""One version, told at once: what is only asked for help or version waits for no client of anything."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from libs.db.schemas import ROOT
from wardenry.log import verify
from wardenry.version import VERSION

#: What takes long to import; the command's own framework is typer and rich.
HEAVY = ("grpc", "pydantic", "httpx2", "asyncpg", "cryptography", "redis", "google.protobuf", "wardenry.errors.error")


def test_the_distributions_have_the_version_that_the_code_tells() -> None:
    services = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    package = tomllib.loads((ROOT / "libs/sdk/pyproject.toml").read_text(encoding="utf-8"))
    assert services["version"] == VERSION
    assert "version" not in package["project"]
    assert package["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "wardenry.version.VERSION"}


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_the_operators_command_tells_it_before_it_imports_what_it_works_with(
    arguments: list[str], tmp_path: Path
) -> None:
    # As it runs in the end: it starts itself again where gRPC would take TLS 1.2.
    code = (
        "import sys; from services.operator.__main__ import main; from libs.rpc import tls; import atexit\n"
        "atexit.register(lambda: print(*sys.modules, sep='\\n', file=sys.stderr))\n"
        "tls.require_tls_1_3 = lambda: None\n"
        f"sys.argv = ['wardenry', *{arguments}]\n"
        "main()"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert (done.stdout == f"wardenry {VERSION}\n") if "--version" in arguments else ("Commands:" in done.stdout)
    loaded = set(done.stderr.split())
    assert loaded >= {"typer", "services.operator.terminal.application"}
    assert sorted(loaded & set(HEAVY)) == []


def test_the_verifier_tells_it(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        verify.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"wardenry-verify {VERSION}\n"
