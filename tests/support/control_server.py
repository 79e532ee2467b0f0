"""A service that serves nothing but its examinations."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from libs.controls.examination import Examination
from libs.controls.servicer import ControlHandlers
from libs.rpc.server import GrpcServer
from libs.telemetry.observer import SILENT
from tests.support.audit_service import KnownTokens
from tests.support.mutual_tls import CertificatesForTests
from wardenry.clock import SystemClock
from wardenry.controls.v1 import control_pb2_grpc


@asynccontextmanager
async def control_server(
    service: str, examinations: Mapping[str, Examination], *, certificates: CertificatesForTests
) -> AsyncIterator[int]:
    """Yields its port."""
    server = GrpcServer(
        listen="127.0.0.1:0",
        tls=certificates.of(service),
        errors={},
        verifier=KnownTokens(),
        clock=SystemClock(),
        observer=SILENT,
        grace=1.0,
    )
    server.add(control_pb2_grpc.add_ControlServiceServicer_to_server, ControlHandlers(examinations=examinations))
    async with server:
        yield server.port
