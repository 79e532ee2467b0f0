"""What probes need of a deployment, and how they ask it."""

import asyncio
import ssl
from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol

import grpc
import httpx2

from libs.controls.examined import Examined
from libs.controls.message import examined_of
from libs.controls.refusal import told
from wardenry.controls.v1 import control_pb2, control_pb2_grpc
from wardenry.credentials import TlsFiles
from wardenry.errors.error import Unavailable, WardenryError

#: The gRPC services.
SERVICES = ("identity", "session", "tenancy", "audit", "datarights")
#: Seconds for one service's examination, and for one request to the gateway.
EXAMINATION_SECONDS = 20.0
REQUEST_SECONDS = 5.0
#: Bytes of what the gateway answers: keys, a checkpoint.
_LARGEST = 1024 * 1024
#: Seconds before each further attempt at a service that does not answer.
_PAUSES = (0.2, 0.5, 1.0)


class Unreachable(Exception):
    """Something that is probed does not answer. The text says what and why, for people; it quotes no answer."""


class Deployment(Protocol):
    """A deployment, as the prober reaches it."""

    @property
    def tls(self) -> TlsFiles:
        """The prober's certificate, its key, and the authority of the services."""
        ...

    @property
    def gateway(self) -> str:
        """The gateway's https origin, which is the issuer of every token."""
        ...

    def address(self, service: str) -> str:
        """host:port of a gRPC service."""
        ...

    def channel(self, service: str) -> grpc.aio.Channel:
        """A channel to a gRPC service, whose calls raise wardenry.errors.error types. Raises OSError."""
        ...

    def edge_context(self) -> ssl.SSLContext:
        """How the gateway's certificate is judged. Raises OSError, ssl.SSLError."""
        ...


async def examine(deployment: Deployment, service: str, control: str) -> Examined:
    """What the service finds out about itself. Raises Unreachable."""
    pauses = iter(_PAUSES)
    while True:
        try:
            return await _examined(deployment, service, control)
        except WardenryError as error:
            pause = next(pauses, None)
            if pause is None or not isinstance(error, Unavailable):
                raise _unexamined(deployment, service, error) from error
            # On a busy machine a connection may take longer than gRPC waits for it.
            await asyncio.sleep(pause)


async def _examined(deployment: Deployment, service: str, control: str) -> Examined:
    stub = control_pb2_grpc.ControlServiceStub(deployment.channel(service))
    request = control_pb2.ExamineRequest(control=control)
    examined = examined_of(await stub.Examine(request, timeout=EXAMINATION_SECONDS))
    if examined.facts or examined.findings or examined.unknown:
        return examined
    # Beside others that saw something it would pass for one that found everything as it should be.
    return replace(examined, unknown=(f"{service} looked at nothing",))


def _unexamined(deployment: Deployment, service: str, error: WardenryError) -> Unreachable:
    return Unreachable(f"{service} at {deployment.address(service)} was not examined: {told(error)}")


async def examine_or_unknown(deployment: Deployment, service: str, control: str) -> Examined:
    """The same; a service that cannot be examined is what is unknown then."""
    try:
        return await examine(deployment, service, control)
    except Unreachable as error:
        return Examined(unknown=(str(error),))


async def fetch(deployment: Deployment, paths: Iterable[str]) -> list[bytes]:
    """What the gateway answers to GET over HTTPS for each path. Raises Unreachable, also for any answer but 200."""
    try:
        async with httpx2.AsyncClient(
            base_url=deployment.gateway, verify=deployment.edge_context(), timeout=REQUEST_SECONDS, trust_env=False
        ) as client:
            answers = []
            for path in paths:
                # The client's own limit is for each read: who sends a byte now and then would never reach it.
                async with asyncio.timeout(REQUEST_SECONDS):
                    answers.append(await _answer(client, path))
            return answers
    except (httpx2.HTTPError, OSError) as error:
        raise Unreachable(f"the gateway at {deployment.gateway} does not answer: {type(error).__name__}") from error


async def _answer(client: httpx2.AsyncClient, path: str) -> bytes:
    async with client.stream("GET", path) as answer:
        if answer.status_code != httpx2.codes.OK:
            raise Unreachable(f"the gateway answers {answer.status_code} to GET {path}")
        content = bytearray()
        async for part in answer.aiter_bytes():
            content += part
            if len(content) > _LARGEST:
                raise Unreachable(f"the gateway's answer to GET {path} is beyond measure")
        return bytes(content)
