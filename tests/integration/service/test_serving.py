"""A service at work: when it is ready, how it ends, and what ends it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from libs.config.secret import SecretInvalid
from libs.rpc.server import READY, GrpcServer, ListenFailed, ServerDied
from libs.service.databases import Databases
from libs.service.parts import open_parts
from libs.service.serving import Work, serving
from libs.service.settings import DatabaseSettings
from tests.support.events import eventually
from tests.support.mutual_tls import CertificatesForTests
from tests.support.postgres import ServiceDatabase, ServiceDatabases
from wardenry.channels import open_channel


class TenancySettings(DatabaseSettings):
    service = "tenancy"


class Service:
    """A service of the common parts alone."""

    def __init__(self, directory: Path, database: ServiceDatabase) -> None:
        self.certificates = CertificatesForTests(directory=directory / "pki")
        tls = self.certificates.of("tenancy")
        self.urls = {role: directory / f"{role}.url" for role in ("runtime", "relay", "jobs")}
        for role, file in self.urls.items():
            file.write_text(database.url(role))
        self.settings = TenancySettings(
            tls_ca_file=tls.ca_file,
            tls_cert_file=tls.certificate_file,
            tls_key_file=tls.key_file,
            database_url_file=self.urls["runtime"],
            relay_database_url_file=self.urls["relay"],
            jobs_database_url_file=self.urls["jobs"],
            mac_keys_directory=directory,
        )
        self.ready = True

    @contextlib.asynccontextmanager
    async def running(self, *works: Work) -> AsyncIterator[GrpcServer]:
        async with (
            open_parts(self.settings) as parts,
            Databases(self.settings) as databases,
            parts.verifier() as verifier,
        ):
            server = parts.server(errors={}, verifier=verifier, limits={})
            async with serving(server, databases=databases, works=works, is_ready=lambda: self.ready):
                yield server

    async def is_ready(self, server: GrpcServer) -> bool:
        async with open_channel(
            target=f"127.0.0.1:{server.port}", peer="tenancy", tls=self.certificates.of("gateway")
        ) as channel:
            stub: Any = health_pb2_grpc.HealthStub(channel)
            answer = await stub.Check(health_pb2.HealthCheckRequest(service=READY))
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


@pytest.fixture
def service(service_database: ServiceDatabases, tmp_path: Path) -> Service:
    return Service(tmp_path, service_database("tenancy"))


async def for_ever() -> None:
    await asyncio.Event().wait()


async def test_it_is_ready_while_it_says_so(service: Service) -> None:
    service.ready = False
    async with service.running(for_ever) as server:
        await asyncio.sleep(0.5)
        assert not await service.is_ready(server)
        service.ready = True
        await eventually(lambda: service.is_ready(server), seconds=10)


async def test_the_works_go_on_while_calls_are_drained_and_stop_after(service: Service) -> None:
    events: list[str] = []

    async def work() -> None:
        try:
            events.append("begun")
            await for_ever()
        finally:
            events.append("stopped")

    async with service.running(work) as server:
        await eventually(lambda: service.is_ready(server), seconds=10)
        drain = server.drain

        async def drained() -> None:
            await drain()
            events.append("drained")

        server.drain = drained  # type: ignore[method-assign] # watched, not replaced
    assert events == ["begun", "drained", "stopped"]


async def test_a_work_that_fails_ends_the_service_with_its_error(service: Service) -> None:
    async def fails() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        async with service.running(for_ever, fails), asyncio.timeout(10):
            await for_ever()


async def test_a_service_whose_server_died_ends(service: Service) -> None:
    """Else it would work on, take no calls, and nothing would start it again."""

    async def serve_until_it_dies() -> None:
        async with service.running(for_ever) as server, asyncio.timeout(30):
            async with open_channel(
                target=f"127.0.0.1:{server.port}", peer="tenancy", tls=service.certificates.of("gateway")
            ) as channel:
                # gRPC sends bytes as they are, and takes nothing but UTF-8.
                call: Any = channel.unary_unary(b"/\xff")  # type: ignore[arg-type]
                with contextlib.suppress(grpc.aio.AioRpcError):
                    await call(b"")
            await for_ever()

    with pytest.raises(ServerDied):
        await serve_until_it_dies()


@pytest.mark.parametrize("role", ["runtime", "relay", "jobs"])
async def test_a_database_url_that_is_refused_is_told_by_its_file(service: Service, role: str) -> None:
    url = service.urls[role].read_text()
    service.urls[role].write_text(url.replace(":" + url.split(":")[2].split("@")[0] + "@", ":wrong@"))
    with pytest.raises(SecretInvalid, match=rf"{role}\.url") as refusal:
        async with service.running(), asyncio.timeout(10):
            await for_ever()
    assert "\n" not in str(refusal.value)
    assert "wrong" not in str(refusal.value)


async def test_an_address_that_is_taken_is_told_as_such(service: Service) -> None:
    async with service.running() as server:
        service.settings = service.settings.model_copy(update={"listen": f"127.0.0.1:{server.port}"})
        with pytest.raises(ListenFailed):
            async with service.running():
                pass


async def test_one_channel_leads_to_a_peer(service: Service) -> None:
    async with open_parts(service.settings) as parts:
        channels: Sequence[grpc.aio.Channel] = [parts.channel(peer) for peer in ("audit", "session", "audit")]
    assert channels[0] is channels[2]
    assert channels[0] is not channels[1]
