"""The composition root: the one place that names what the operator's command is made of."""

import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from libs.config.settings import read
from libs.controls.probing import Probing
from libs.ids import SystemEntropy, Uuid7Ids
from services.operator.clients.certificates import TlsCertificates
from services.operator.clients.deployment import Deployment, open_deployment
from services.operator.clients.files import SettingsFiles
from services.operator.clients.gateway import HttpGateway
from services.operator.clients.health import GrpcHealth
from services.operator.clients.parked import GrpcParkedRecords
from services.operator.clients.platform import GrpcPlatform
from services.operator.clients.platform_log import GrpcPlatformLog
from services.operator.clients.tokens import ProbedTokens
from services.operator.clients.told import GrpcTold
from services.operator.clients.transport import ProbedTransport
from services.operator.commands.bootstrap import Bootstrap
from services.operator.commands.calibration import Calibrate
from services.operator.commands.controls import CheckControls
from services.operator.commands.doctor import Examine
from services.operator.commands.parked import LookAtParked, RetryParked
from services.operator.commands.status import LookAtStatus
from services.operator.config import OperatorSettings, environment_of, local_file
from services.operator.terminal.application import UseCases
from services.operator.terminal.running import Opened
from wardenry.clock import Clock, SystemClock

U = TypeVar("U")


def use_cases() -> UseCases:
    """All of them, each against the deployment that the environment names when it is opened."""
    clock = SystemClock()
    ids = Uuid7Ids(clock=clock, entropy=SystemEntropy())
    return UseCases(
        bootstrap=against(lambda deployment: Bootstrap(platform=GrpcPlatform(deployment=deployment), ids=ids)),
        status=against(lambda deployment: _status(deployment, clock)),
        doctor=against(lambda deployment: _examine(deployment, clock)),
        look_at_parked=against(lambda deployment: LookAtParked(parked=GrpcParkedRecords(deployment=deployment))),
        retry_parked=against(lambda deployment: RetryParked(parked=GrpcParkedRecords(deployment=deployment))),
        controls=against(lambda deployment: _check_controls(deployment, clock)),
        calibrate=lambda: Calibrate(cpu_seconds=time.thread_time),
    )


def against(make: Callable[[Deployment], U]) -> Opened[U]:
    """A use case made of the deployment that the environment names, which is read when the use case is opened.

    Opening raises NothingRuns, SettingsInvalid.
    """

    @asynccontextmanager
    async def opened() -> AsyncIterator[U]:
        settings = read(OperatorSettings, environment_of(os.environ))
        async with open_deployment(settings) as deployment:
            yield make(deployment)

    return opened


def _status(deployment: Deployment, clock: Clock) -> LookAtStatus:
    return LookAtStatus(
        places=deployment,
        health=GrpcHealth(deployment=deployment, clock=clock),
        certificates=TlsCertificates(deployment=deployment),
        gateway=HttpGateway(deployment=deployment, clock=clock),
        log=GrpcPlatformLog(deployment=deployment),
        tellers=GrpcTold(deployment=deployment, clock=clock),
        clock=clock,
    )


def _examine(deployment: Deployment, clock: Clock) -> Examine:
    return Examine(
        look=_status(deployment, clock),
        places=deployment,
        tokens=ProbedTokens(deployment=deployment),
        transport=ProbedTransport(deployment=deployment, clock=clock),
        files=SettingsFiles(settings=deployment.settings, local_file=local_file(os.environ)),
    )


def _check_controls(deployment: Deployment, clock: Clock) -> CheckControls:
    return CheckControls(probing=Probing(deployment=deployment, prober=OperatorSettings.service, clock=clock))
