"""A gRPC server: mutual TLS 1.3, health, reflection for the operator, and an orderly end."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Self

import grpc
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from grpc_reflection.v1alpha import reflection
from grpc_reflection.v1alpha.reflection_pb2_grpc import add_ServerReflectionServicer_to_server

from libs.rpc.authentication import Verifier
from libs.rpc.errors import ErrorTable
from libs.rpc.interceptor import DeniedHook, Interceptor
from libs.rpc.limits import Limits
from libs.rpc.rules import FOREIGN_RULES, Rule, RuleInvalid, rules_of
from libs.rpc.validation import warm_up
from libs.telemetry.observer import Observer
from wardenry.channels import KEEPALIVE_MILLISECONDS
from wardenry.clock import Clock
from wardenry.credentials import TlsFiles

#: Seconds that calls under way have to finish when the server drains.
GRACE = 10.0
#: The largest request that we take, bytes. Fields are bounded far below; this bounds what is parsed before rules apply.
LARGEST_REQUEST = 4 * 1024 * 1024
#: A tile of the log's entries has up to 256 of 64 KiB, each after its length.
LARGEST_RESPONSE = 17 * 1024 * 1024
#: Calls at once in one process; the next is answered RESOURCE_EXHAUSTED at once instead of waiting for its deadline.
MOST_CALLS = 2_000

#: Seconds between looks at whether the server lives.
_WATCH = 1.0

#: Health of "": the process works. Of READY: what it needs is there, send it work.
READY = "ready"


class ListenFailed(Exception):
    """The address cannot be listened on. The text is one line for an operator."""


class ServerDied(Exception):
    """gRPC has given up listening. What has begun may still be answered; nothing new is taken."""


class GrpcServer:
    """Serves what is added to it, each RPC by its rule. `async with` starts and drains it."""

    def __init__(
        self,
        *,
        listen: str,
        tls: TlsFiles,
        errors: ErrorTable,
        verifier: Verifier,
        clock: Clock,
        observer: Observer,
        limits: Limits | None = None,
        trace_ratio: float = 0.0,
        on_denied: DeniedHook | None = None,
        reflection: bool = False,
        grace: float = GRACE,
    ) -> None:
        """Without `limits` it serves no RPC whose calls are counted."""
        self._listen = listen
        self._reflection = reflection
        self._grace = grace
        self._interceptor = Interceptor(
            errors=errors,
            verifier=verifier,
            clock=clock,
            observer=observer,
            limits=limits or {},
            trace_ratio=trace_ratio,
            on_denied=on_denied,
        )
        self._served = _Served()
        self._server = grpc.aio.server(
            handlers=[self._served],
            maximum_concurrent_rpcs=MOST_CALLS,
            options=[
                ("grpc.so_reuseport", 0),
                ("grpc.max_receive_message_length", LARGEST_REQUEST),
                ("grpc.max_send_message_length", LARGEST_RESPONSE),
                ("grpc.max_metadata_size", 16 * 1024),
                ("grpc.keepalive_time_ms", 60_000),
                ("grpc.keepalive_timeout_ms", 10_000),
                ("grpc.http2.min_ping_interval_without_data_ms", KEEPALIVE_MILLISECONDS // 2),
                ("grpc.keepalive_permit_without_calls", 1),
            ],
        )
        self._credentials = tls.server_credentials()
        self._health = HealthServicer()
        self._names: list[str] = []
        self.port = 0

    def add(self, register: Callable[[Any, Any], None], servicer: Any) -> None:
        """Serve a contract: `server.add(add_TokenServiceServicer_to_server, handlers)`. Before the start.

        Raises RuleInvalid for an RPC that does not say who may call it, and for one whose calls nothing would count.
        """
        contract: Any = _Contract()
        register(servicer, contract)
        self._serve(contract, rules_of(map(_descriptor, contract.names)))
        self._names.extend(contract.names)

    async def start(self) -> None:
        """Listen, and say that the process works. Raises ListenFailed."""
        warm_up()
        foreign: Any = _Contract()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, foreign)
        if self._reflection:
            names = (*self._names, *foreign.names, reflection.SERVICE_NAME)
            add_ServerReflectionServicer_to_server(  # type: ignore[no-untyped-call]
                reflection.aio.ReflectionServicer(names), foreign
            )
        self._serve(foreign, FOREIGN_RULES)
        try:
            self.port = self._server.add_secure_port(self._listen, self._credentials)
        except RuntimeError:
            raise ListenFailed(
                f"{self._listen} cannot be listened on: another process has it, or the address is not this machine's."
            ) from None
        await self._server.start()
        await self._health.set("", health_pb2.HealthCheckResponse.SERVING)
        await self.ready(False)

    def _serve(self, contract: "_Contract", rules: Mapping[str, Rule]) -> None:
        for method, handler in contract.handlers.items():
            if method not in rules:
                raise RuleInvalid(f"{method} is in no contract that says who may call it")
            self._served.handlers[method] = self._interceptor.around(handler, rules[method])

    async def ready(self, is_ready: bool) -> None:
        """Say whether what the service needs is there."""
        status = health_pb2.HealthCheckResponse.SERVING if is_ready else health_pb2.HealthCheckResponse.NOT_SERVING
        await self._health.set(READY, status)

    async def watch(self) -> None:
        """Returns once the server has drained. Raises ServerDied when it ends by itself: gRPC's loop does for a call
        whose path is no UTF-8, and it would leave a process that works and takes no calls."""
        try:
            while await self._server.wait_for_termination(_WATCH):
                pass
        except Exception as error:
            raise ServerDied from error

    async def drain(self) -> None:
        """Take no new calls, let those under way finish within the grace, end the rest."""
        await self._health.enter_graceful_shutdown()
        stopping = asyncio.ensure_future(self._server.stop(self._grace))
        self._interceptor.end_endless_streams()
        await stopping

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.drain()


class _Contract:
    """Stands in for the server while generated code registers contracts, to learn their names and handlers."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.handlers: dict[str, Any] = {}

    def add_generic_rpc_handlers(self, handlers: Iterable[grpc.GenericRpcHandler]) -> None:
        """The same handlers, which the next call brings by their names."""

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Any]) -> None:
        self.names.append(service)
        self.handlers.update({f"/{service}/{name}": handler for name, handler in handlers.items()})


class _Served(grpc.GenericRpcHandler):
    """All that is served, by the names of the RPCs.

    In the place of gRPC's own registration: there its loop waits for a call of each RPC anew at every call.
    """

    def __init__(self) -> None:
        self.handlers: dict[str, Any] = {}

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        """None for what is not served, which gRPC answers with UNIMPLEMENTED."""
        return self.handlers.get(handler_call_details.method)


def _descriptor(name: str) -> ServiceDescriptor:
    return descriptor_pool.Default().FindServiceByName(name)
