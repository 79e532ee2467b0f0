"""A gateway that does not answer as it should: whoever asks it is not kept, and not filled."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from libs.controls import deployment as asking
from libs.controls.deployment import Unreachable, fetch
from services.operator.clients import gateway as health
from services.operator.clients.deployment import Deployment
from services.operator.clients.gateway import HttpGateway
from tests.support.controls import deployment_of
from tests.support.https import ENDLESS, https_server
from tests.support.mutual_tls import CertificatesForTests
from wardenry.clock import SystemClock

#: Seconds: long past every limit of those that ask.
_ENOUGH = 60


@asynccontextmanager
async def answering(answers: Mapping[str, bytes], *, directory: Path) -> AsyncIterator[Deployment]:
    certificates = CertificatesForTests(directory=directory / "pki")
    tls = certificates.of("localhost")
    async with (
        https_server(tls, answers) as port,
        deployment_of(certificates=certificates, services={}, gateway=port, edge_ca_file=tls.ca_file) as deployment,
    ):
        yield deployment


async def test_an_answer_that_never_ends_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "REQUEST_SECONDS", 1.0)
    async with answering({"/keys": ENDLESS}, directory=tmp_path) as deployment, asyncio.timeout(_ENOUGH):
        with pytest.raises(Unreachable):
            await fetch(deployment, ["/keys"])


async def test_an_answer_beyond_measure_is_left(tmp_path: Path) -> None:
    async with answering({"/keys": b"x" * 2 * 1024 * 1024}, directory=tmp_path) as deployment:
        with pytest.raises(Unreachable, match="beyond measure"):
            await fetch(deployment, ["/keys"])


async def test_a_gateway_whose_health_never_ends_is_not_reachable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_PATIENCE", 1.0)
    async with answering({"/healthz": ENDLESS}, directory=tmp_path) as deployment, asyncio.timeout(_ENOUGH):
        answer = await HttpGateway(deployment=deployment, clock=SystemClock()).check()
    assert not answer.reachable
