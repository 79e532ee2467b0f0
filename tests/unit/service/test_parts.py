"""Who samples: nobody, where nothing would come of it."""

from contextlib import AsyncExitStack

from redis.asyncio import Redis

from libs.config.settings import Settings
from libs.service.parts import Parts
from libs.telemetry.observer import SILENT, Observer
from tests.support.spans import KeepingObserver
from wardenry.clock import SystemClock


def ratio_with(observer: Observer) -> float:
    settings = Settings.model_construct(trace_ratio=0.5)
    return Parts(
        settings=settings, observer=observer, valkey=Redis(), clock=SystemClock(), stack=AsyncExitStack()
    ).trace_ratio


def test_without_a_collector_no_callee_is_asked_to_record() -> None:
    assert ratio_with(SILENT) == 0.0


def test_with_a_collector_the_setting_holds() -> None:
    assert ratio_with(KeepingObserver()) == 0.5
