"""The composition root: the one place that names what the operator's command is made of."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import typer

from libs.config.settings import read
from services.operator.clients.deployment import Deployment, open_deployment
from services.operator.clients.health import GrpcHealth
from services.operator.commands.status import LookAtStatus
from services.operator.config import OperatorSettings, environment_of
from services.operator.terminal import status
from services.operator.terminal.application import new_application
from services.operator.terminal.running import Opened

U = TypeVar("U")


def application() -> typer.Typer:
    """The command, with everything that it can do, in the order of its help."""
    app = new_application()
    status.register(app, against(lambda deployment: LookAtStatus(health=GrpcHealth(deployment=deployment))))
    return app


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
