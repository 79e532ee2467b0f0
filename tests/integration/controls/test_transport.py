"""Control E1: real servers that take and refuse what they should not, and who it was that refused."""

import asyncio
import os
import ssl
import subprocess
import sys
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from libs.controls.examined import Examined, Finding
from libs.controls.probes import e1_transport
from libs.controls.transport.handshake import (
    CLOSED,
    OLDER,
    VERSIONS,
    Distrusted,
    Refused,
    Taken,
    Unclear,
    pinned,
    shake_hands,
    trusting,
)
from libs.controls.transport.stranger import names_of
from libs.db.schemas import ROOT
from libs.rpc.tls import TLS_1_3_ONLY
from tests.support.controls import deployment_of
from tests.support.mutual_tls import CertificatesForTests
from tests.support.ports import free_port
from wardenry.clock import SystemClock

GREETING = b"HEAD / HTTP/1.1\r\n\r\n"
CLOCK = SystemClock()


@contextmanager
def grpc_server(
    certificates: CertificatesForTests, *options: str, strict: bool, names: list[str] | None = None
) -> Iterator[int]:
    """A gRPC server that passes for session; strict is as the product starts it."""
    tls = certificates.of("session", names=names)
    inherited = {name: value for name, value in os.environ.items() if name not in TLS_1_3_ONLY}
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.support.tls_server",
            *map(str, (tls.ca_file, tls.certificate_file, tls.key_file)),
            *options,
        ],
        cwd=ROOT,
        env=inherited | (TLS_1_3_ONLY if strict else {}) | {"GRPC_VERBOSITY": "NONE"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(10)


def server_context(certificates: CertificatesForTests, *versions: str, name: str = "localhost") -> ssl.SSLContext:
    """A server that takes all versions from the first to the last of these."""
    tls = certificates.of(name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls.certificate_file, tls.key_file)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = VERSIONS[versions[0]]
        context.maximum_version = VERSIONS[versions[-1]]
    return context


@asynccontextmanager
async def tls_server(context: ssl.SSLContext | None) -> AsyncIterator[int]:
    """A server that answers whatever is said to it; without a context it speaks no TLS."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.read(1000):
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


@asynccontextmanager
async def raw_server(answer: bytes) -> AsyncIterator[int]:
    """A server that answers the first message with these bytes, and closes."""

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10_000)
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(say, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def shaken(port: int, version: str, context: ssl.SSLContext | None = None) -> object:
    return await shake_hands(f"127.0.0.1:{port}", context or pinned(version), name="localhost", greeting=GREETING)


@pytest.mark.parametrize("version", VERSIONS)
async def test_each_version_is_taken_by_a_server_that_takes_it(
    certificates: CertificatesForTests, version: str
) -> None:
    async with tls_server(server_context(certificates, version)) as port:
        outcome = await shaken(port, version)
        assert isinstance(outcome, Taken)
        assert outcome.cipher
        assert names_of(outcome.certificate) == ["localhost"]
        others = [await shaken(port, other) for other in VERSIONS if other != version]
    assert len(others) == 3
    assert all(other in (Refused(CLOSED), Refused(OLDER)) for other in others)


#: RFC 8446 section 6: content type 21, a version, two bytes; level fatal and a number.
ALERT = bytes.fromhex("15030300020246")
#: A ServerHello of TLS 1.1 with nothing behind it: the server chose, and the client never learns the rest.
HALF_HELLO = bytes.fromhex("160302002a020000260302") + bytes(32) + bytes.fromhex("00002f00")


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (ALERT, Refused("alert protocol_version")),
        (b"", Refused(CLOSED)),
        (HALF_HELLO + b"\x16\x03\x02\x00\x01\xff", Taken("", b"")),
        (HALF_HELLO.replace(b"\x03\x02", b"\x03\x01") + b"\x16", Refused(OLDER)),
    ],
    ids=["alert", "closed", "server hello", "another version's server hello"],
)
async def test_who_ended_a_handshake_is_read_from_the_bytes(answer: bytes, outcome: object) -> None:
    async with raw_server(answer) as port:
        assert await shaken(port, "1.1") == outcome


async def test_what_the_clients_own_library_refuses_is_no_refusal_by_the_server() -> None:
    async with raw_server(HALF_HELLO.replace(b"\x03\x02", b"\x03\x03") + b"\x16") as port:
        assert isinstance(await shaken(port, "1.1"), Unclear)
    async with raw_server(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        assert isinstance(await shaken(port, "1.3"), Unclear)
    async with tls_server(None) as port:
        assert isinstance(await shaken(port, "1.3"), Unclear)
    outcome = await shaken(free_port(), "1.3")
    assert isinstance(outcome, Unclear)
    assert outcome.why.startswith("no connection")


async def test_a_certificate_of_another_name_or_authority_is_distrusted(
    certificates: CertificatesForTests, tmp_path: Path
) -> None:
    other = CertificatesForTests(directory=tmp_path / "other").of("localhost").ca_file
    async with tls_server(server_context(certificates, "1.2", "1.3", name="session")) as port:
        for ca_file in (certificates.of("session").ca_file, other):
            assert isinstance(await shaken(port, "1.3", pinned("1.3", base=trusting(ca_file))), Distrusted)


async def probed(
    certificates: CertificatesForTests, *, session: int | None = None, gateway: int | None = None
) -> Examined:
    """The deployment with these servers; the others are down."""
    services = {} if session is None else {"session": session}
    async with deployment_of(
        certificates=certificates,
        services=services,
        gateway=gateway,
        edge_ca_file=certificates.of("localhost").ca_file,
    ) as deployment:
        return await e1_transport.probe(deployment, clock=CLOCK)


async def test_a_service_as_the_product_starts_it_is_as_promised(certificates: CertificatesForTests) -> None:
    with grpc_server(certificates, strict=True) as port:
        examined = await probed(certificates, session=port)
    assert examined.findings == ()
    assert examined.facts[0].endswith("handshakes; 1 of 6 servers answered")
    (fact,) = examined.facts[1:]
    assert fact.startswith(f"session at 127.0.0.1:{port}: TLS 1.3 taken (")
    assert "names session alone" in fact
    for refused in ("TLS 1.2", "TLS 1.1", "TLS 1.0", "no certificate", "another authority's certificate"):
        assert refused in fact.partition("refused (")[2]


async def test_a_service_that_takes_tls_1_2_is_found(certificates: CertificatesForTests) -> None:
    with grpc_server(certificates, strict=False) as port:
        examined = await probed(certificates, session=port)
    (finding,) = examined.findings
    assert finding.where == f"session at 127.0.0.1:{port}"
    assert finding.what.startswith("TLS 1.2 is taken (")


async def test_a_service_that_takes_anybody_is_found(certificates: CertificatesForTests) -> None:
    with grpc_server(certificates, "--anybody", strict=True) as port:
        examined = await probed(certificates, session=port)
    where = f"session at 127.0.0.1:{port}"
    assert {(finding.where, finding.what.partition(" (")[0]) for finding in examined.findings} == {
        (where, "a client with no certificate is taken"),
        (where, "a client with another authority's certificate is taken"),
    }


@pytest.mark.parametrize(
    ("names", "what"),
    [
        (["session", "tenancy"], "its certificate names session, tenancy, not session alone"),
        (["session", "localhost"], "its certificate names session, localhost, not session alone"),
        (["tenancy"], "its certificate names tenancy, not session alone"),
    ],
)
async def test_a_certificate_with_other_names_is_found(
    certificates: CertificatesForTests, names: list[str], what: str
) -> None:
    with grpc_server(certificates, strict=True, names=names) as port:
        examined = await probed(certificates, session=port)
    assert Finding(f"session at 127.0.0.1:{port}", what) in examined.findings


async def test_the_edge_may_take_tls_1_2_and_nothing_older(certificates: CertificatesForTests) -> None:
    async with tls_server(server_context(certificates, "1.2", "1.3")) as port:
        good = await probed(certificates, gateway=port)
    assert good.findings == ()
    assert "TLS 1.2 taken, which is its minimum" in good.facts[1]
    async with tls_server(server_context(certificates, "1.1", "1.3")) as port:
        (finding,) = (await probed(certificates, gateway=port)).findings
    assert finding.where == f"gateway at localhost:{port}"
    assert finding.what.startswith("TLS 1.1 is taken (")


async def test_an_edge_without_tls_1_3_is_found(certificates: CertificatesForTests) -> None:
    async with tls_server(server_context(certificates, "1.2")) as port:
        (finding,) = (await probed(certificates, gateway=port)).findings
    assert finding.what == f"TLS 1.3 is refused ({CLOSED})"


async def test_an_edge_whose_certificate_is_not_to_be_trusted_is_found(certificates: CertificatesForTests) -> None:
    async with tls_server(server_context(certificates, "1.2", "1.3", name="session")) as port:
        (finding,) = (await probed(certificates, gateway=port)).findings
    assert finding.what.startswith("its certificate is not to be trusted: ")


async def test_what_is_down_is_unknown(certificates: CertificatesForTests) -> None:
    examined = await probed(certificates)
    assert examined.findings == ()
    assert len(examined.unknown) == 6
    assert all("no connection" in why for why in examined.unknown)


async def test_a_server_that_went_away_in_between_proves_nothing(certificates: CertificatesForTests) -> None:
    """It takes one connection, and ends every other one at once: what a refusal looks like, and is none."""
    context = server_context(certificates, "1.3")
    async with AsyncExitStack() as stack:
        inner = await stack.enter_async_context(tls_server(context))
        taken = 0

        async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal taken
            taken += 1
            if taken == 1:
                there, back = await asyncio.open_connection("127.0.0.1", inner)
                await asyncio.gather(_pass(reader, back), _pass(there, writer))
            else:
                await reader.read(1000)
            writer.close()

        server = await asyncio.start_server(once, "127.0.0.1", 0)
        await stack.enter_async_context(server)
        port = server.sockets[0].getsockname()[1]
        examined = await probed(certificates, gateway=port)
    where = f"gateway at localhost:{port}"
    assert f"{where}: TLS 1.3 was not taken at the end, so the refusals prove nothing" in examined.unknown


async def _pass(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(10_000):
        sink.write(data)
    sink.close()
