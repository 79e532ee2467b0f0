"""The services' own word on how they are: gRPC health, of the process and of what it needs."""

from grpc_health.v1 import health_pb2

from libs.controls.refusal import told
from services.operator.clients.deployment import Deployment
from services.operator.domain.status import Health
from wardenry.clock import Clock
from wardenry.errors.error import WardenryError

#: What a server calls its readiness (libs/rpc/server).
_READY = "ready"
#: Seconds for an answer.
_PATIENCE = 3.0


class GrpcHealth:
    def __init__(self, *, deployment: Deployment, clock: Clock) -> None:
        self._deployment = deployment
        self._clock = clock

    async def check(self, service: str) -> Health:
        ask = self._deployment.channel(service).unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        try:
            # The first question makes the connection; the second one is timed.
            await ask(health_pb2.HealthCheckRequest(), timeout=_PATIENCE)
            began = self._clock.monotonic()
            answer = await ask(health_pb2.HealthCheckRequest(service=_READY), timeout=_PATIENCE)
        except WardenryError as error:
            return Health(reachable=False, ready=False, latency=None, trouble=told(error))
        ready = answer.status == health_pb2.HealthCheckResponse.SERVING
        return Health(reachable=True, ready=ready, latency=self._clock.monotonic() - began)
