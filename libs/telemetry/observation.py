"""Chooses the observer by the settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from libs.telemetry.observer import SILENT, Observer
from wardenry.clock import Clock


@asynccontextmanager
async def open_observer(*, service: str, endpoint: str | None, clock: Clock) -> AsyncIterator[Observer]:
    """One that exports to the collector at `endpoint`; without one, one that records nothing and costs nothing."""
    if endpoint is None:
        yield SILENT
        return
    from libs.telemetry.exporter import open_exporter

    async with open_exporter(service=service, endpoint=endpoint, clock=clock) as observer:
        yield observer
