"""The local stack's stores, and whichever of its services a row needs, each under the row's control."""

import asyncio
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import grpc
from grpc_health.v1 import health_pb2

from deploy.local import services
from deploy.local.home import Home
from deploy.local.postgres import SUPERUSER
from deploy.local.process import Process
from deploy.local.services import Surroundings
from deploy.local.settings import StackSettings
from deploy.local.tansu import NoBroker, binary
from deploy.postgres.provision import role_url
from libs.rpc.server import READY
from tests.bench.machine import on
from tests.bench.measurement import Failed, NotMeasured
from tests.support.stack import LocalStack, prepared_home
from wardenry.channels import open_channel
from wardenry.credentials import TlsFiles

#: Seconds that a service may take to start.
PATIENCE = 60.0
GATEWAY = "gateway"
DURABILITY = ("fsync", "full_page_writes", "server_version", "synchronous_commit", "wal_sync_method")


class Stores:
    """Both PostgreSQL clusters, Valkey and the embedded broker as `make run` sets them, with databases, topics and
    secrets; and services beside them."""

    def __init__(self, stack: LocalStack, *, settings: Mapping[str, str], cores: frozenset[int]) -> None:
        self.stack = stack
        self._cores = cores
        self.home = Home(stack.home)
        stated = {"WARDENRY_HOME": str(stack.home), "WARDENRY_LOG_LEVEL": "warning"}
        read, passed = StackSettings.read(stated | dict(settings))
        ports = self.home.ports()
        password = (self.home.secrets / "valkey.password").read_text()
        self.around = Surroundings(
            settings=read,
            home=self.home,
            ports=ports,
            kafka_bootstrap=f"127.0.0.1:{ports['kafka']}",
            valkey_url=f"redis://:{password}@127.0.0.1:{ports['valkey']}/0",
            passed=passed,
        )
        self._processes: dict[str, Process] = {}

    def pid(self, name: str) -> int:
        """Of a store, or of a service that was started."""
        process = self._processes.get(name)
        if process is None:
            return self.stack.pid_of(name)
        if process.pid is None:
            raise Failed(f"{name} has ended: {process.last_words()}")
        return process.pid

    def spawn(self, name: str, *, relay: bool = True) -> Process:
        """Start a service without waiting for it; without its relay, when that is asked for."""
        module, arguments = (f"services.{name}", ()) if relay else ("tests.bench.relayless", (name,))
        told = services.environment(name, self.around)
        process = services.python(module, *arguments, name=name, around=self.around, told=told)
        with on(self._cores):
            process.start()
        self._processes[name] = process
        return process

    async def start(self, *names: str, relay: bool = True) -> None:
        """Start services and return once each is ready. Raises Failed."""
        for name in names:
            self.spawn(name, relay=relay or name == GATEWAY)
        await asyncio.gather(*map(self.ready, names))

    async def ready(self, name: str) -> None:
        """Return once the service takes calls and has what it needs. Raises Failed."""
        deadline = time.monotonic() + PATIENCE
        answers = self._edge_answers if name == GATEWAY else self._service_answers
        while not await answers(name):
            process = self._processes[name]
            if process.exit_code is not None or time.monotonic() > deadline:
                raise Failed(f"{name} did not become ready: {process.last_words()}")
            await asyncio.sleep(0.02)

    def stop(self, name: str) -> None:
        """End one service."""
        self._processes.pop(name).stop()

    def stop_all(self) -> None:
        for process in self._processes.values():
            process.ask_to_stop()
        for process in self._processes.values():
            process.stop()
        self._processes.clear()

    def tls(self, own: str) -> TlsFiles:
        """The certificate of one of the services."""
        pki = self.home.pki
        return TlsFiles(ca_file=pki / "ca.crt", certificate_file=pki / f"{own}.crt", key_file=pki / f"{own}.key")

    def administrator(self, database: str) -> str:
        """Where the superuser of the services' cluster logs in."""
        password = (self.home.secrets / "postgresql_administrator.password").read_text()
        cluster = f"postgresql://127.0.0.1:{self.around.ports['postgresql']}/"
        return role_url(cluster, role=SUPERUSER, password=password, database=database)

    async def durability(self) -> str:
        """What the services' cluster promises of a commit."""
        connection = await asyncpg.connect(self.administrator("postgres"))
        try:
            rows = await connection.fetch("SELECT name, setting FROM pg_settings WHERE name = ANY ($1)", DURABILITY)
            return ", ".join(f"{row['name']}={row['setting']}" for row in rows)
        finally:
            await connection.close()

    async def _service_answers(self, name: str) -> bool:
        async with open_channel(target=self.around.address(name), peer=name, tls=self.tls("operator")) as channel:
            check = channel.unary_unary(
                "/grpc.health.v1.Health/Check",
                request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
                response_deserializer=health_pb2.HealthCheckResponse.FromString,
            )
            try:
                answer = await check(health_pb2.HealthCheckRequest(service=READY), timeout=1.0)
            except grpc.aio.AioRpcError:
                return False
            return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    async def _edge_answers(self, name: str) -> bool:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.around.ports["gateway-http"])
        except OSError:
            return False
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        try:
            return b" 200 " in await reader.readline()
        finally:
            writer.close()


@contextmanager
def stores(
    *, cores: frozenset[int], settings: Mapping[str, str] | None = None, whole: bool = False
) -> Iterator[Stores]:
    """Stores in a directory of their own while the block runs, on these cores and so are the services that are started
    beside them; with `whole`, all that `make run` starts. `settings` are variables for services.

    Raises NotMeasured without a broker for this machine, AssertionError with what the stack printed when it does not
    start."""
    try:
        binary()
    except NoBroker as error:
        raise NotMeasured(str(error)) from None
    with TemporaryDirectory(prefix="wardenry-bench-") as directory:
        # PostgreSQL passes through here, where it must run as `nobody`.
        Path(directory).chmod(0o711)
        arguments = () if whole else ("--stores",)
        stack = LocalStack(prepared_home(Path(directory) / "home"), arguments=arguments, environment=settings)
        started: Stores | None = None
        try:
            with on(cores):
                stack.start()
            started = Stores(stack, settings=settings or {}, cores=cores)
            yield started
        finally:
            if started is not None:
                started.stop_all()
            if stack.exit_code is None:
                stack.stop(signal.SIGTERM)
