"""A service's process: TLS 1.3 only however it is started, and an end on SIGTERM."""

import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from libs.rpc.tls import TLS_1_3_ONLY
from tests.support.mutual_tls import CertificatesForTests

PROGRAM = """
import asyncio, sys
from pathlib import Path
from wardenry.credentials import TlsFiles
from wardenry.clock import SystemClock
from libs.config.settings import Settings
from libs.rpc.process import run
from libs.rpc.server import GrpcServer
from libs.telemetry.observer import SilentObserver

async def main(stopping):
    server = GrpcServer(
        listen=listen, tls=TlsFiles(ca_file=Path(ca), certificate_file=Path(certificate), key_file=Path(key)),
        errors={}, verifier=None, clock=SystemClock(), observer=SilentObserver(),
    )
    async with server:
        print(server.port, flush=True)
        await stopping.wait()
    print("drained", flush=True)

ca, certificate, key, listen = sys.argv[1:]
run(main, settings=Settings(tls_ca_file=ca, tls_cert_file=certificate, tls_key_file=key, listen=listen))
"""


def start(certificates: CertificatesForTests, program: Path, listen: str = "127.0.0.1:0") -> subprocess.Popen[str]:
    """The program as an operator would start it by hand: with nothing of ours in the environment."""
    program.write_text(PROGRAM)
    files = certificates.of("session")
    arguments = [str(files.ca_file), str(files.certificate_file), str(files.key_file), listen]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GRPC_")}
    assert not TLS_1_3_ONLY.keys() & environment.keys()
    return subprocess.Popen(
        [sys.executable, str(program), *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip


@pytest.fixture
def process(certificates: CertificatesForTests, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    with start(certificates, tmp_path / "program.py") as process:
        yield process
        process.kill()


def handshake(certificates: CertificatesForTests, port: int, version: ssl.TLSVersion) -> str | None:
    """The version that was agreed on."""

    files = certificates.of("gateway")
    context = ssl.create_default_context(cafile=files.ca_file)
    context.load_cert_chain(files.certificate_file, files.key_file)
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["h2"])
    with (
        socket.create_connection(("127.0.0.1", port), timeout=30) as connection,
        context.wrap_socket(connection, server_hostname="session") as secured,
    ):
        return secured.version()


def test_tls_1_3_is_spoken_and_1_2_is_refused(
    certificates: CertificatesForTests, process: subprocess.Popen[str]
) -> None:
    assert process.stdout is not None
    port = int(process.stdout.readline())
    assert handshake(certificates, port, ssl.TLSVersion.TLSv1_3) == "TLSv1.3"
    with pytest.raises((ssl.SSLError, ConnectionError)):
        handshake(certificates, port, ssl.TLSVersion.TLSv1_2)


def test_sigterm_drains(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    assert process.stdout.readline() == "drained\n"
    assert process.wait(timeout=60) == 0


def test_an_occupied_port_is_one_line(
    certificates: CertificatesForTests, process: subprocess.Popen[str], tmp_path: Path
) -> None:
    assert process.stdout is not None
    port = process.stdout.readline().strip()
    with start(certificates, tmp_path / "second.py", listen=f"127.0.0.1:{port}") as second:
        _, errors = second.communicate(timeout=60)
    assert second.returncode == 78
    assert errors.count("\n") == 1
    assert f"127.0.0.1:{port} cannot be listened on" in errors
