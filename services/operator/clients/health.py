"""The services' own word on how they are: gRPC health, of the process and of what it needs."""

import time

from grpc_health.v1 import health_pb2

from services.operator.clients.deployment import Deployment
from services.operator.domain.status import Health
from wardenry.errors.error import WardenryError

#: What a server calls its readiness (libs/rpc/server).
_READY = "ready"
#: Seconds for an answer.
_PATIENCE = 3.0


class GrpcHealth:
    def __init__(self, *, deployment: Deployment) -> None:
        self._deployment = deployment

    async def check(self, service: str) -> Health:
        check = self._deployment.channel(service).unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        address = self._deployment.address(service)
        try:
            await check(health_pb2.HealthCheckRequest(), timeout=_PATIENCE)
            began = time.perf_counter()
            answer = await check(health_pb2.HealthCheckRequest(service=_READY), timeout=_PATIENCE)
        except WardenryError as error:
            return Health(
                service=service, address=address, reachable=False, ready=False, latency=None, trouble=error.message
            )
        return Health(
            service=service,
            address=address,
            reachable=True,
            ready=answer.status == health_pb2.HealthCheckResponse.SERVING,
            latency=time.perf_counter() - began,
        )
