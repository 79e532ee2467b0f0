"""Sends spans and durations to a collector. Imported only where one is configured: OTLP costs 22 MB."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from libs.telemetry.delivery_log import DeliveryLog
from libs.telemetry.durations import Durations
from libs.telemetry.observer import Observer
from libs.telemetry.recording import RecordingObserver
from wardenry.clock import Clock

#: Spans that wait, at most: about 3 MB. Beyond it the oldest go.
MOST_WAITING = 2_048
#: Spans sent together, and seconds that a span waits for others.
_TOGETHER = 512
_SPAN_SECONDS = 1.0
#: Seconds between two sendings of the durations, which add up: one that is lost loses nothing.
_DURATION_SECONDS = 15.0
#: Seconds for one sending, its repetitions included.
_SENDING_SECONDS = 5.0
#: Seconds that the end of the process waits for a collector.
_END_SECONDS = 2.0
#: Where the libraries that send write what goes wrong.
_LIBRARIES = "opentelemetry"
_log = logging.getLogger(__name__)


@asynccontextmanager
async def open_exporter(*, service: str, endpoint: str, clock: Clock) -> AsyncIterator[Observer]:
    """An observer that exports to `endpoint` (http(s)://host:port, OTLP over gRPC) while the block runs.

    A collector that is away, slow or refuses costs nobody time: threads of their own do the sending, what waits is
    bounded, and the log gets a line now and then. What is left at the end of the block is sent within two seconds or
    lost.
    """
    resource = Resource.create({"service.name": service, "service.namespace": "wardenry"})
    with DeliveryLog.instead_of(logging.getLogger(_LIBRARIES), clock=clock):
        span_exporter = OTLPSpanExporter(endpoint=endpoint, timeout=_SENDING_SECONDS)
        spans = BatchSpanProcessor(
            span_exporter,
            max_queue_size=MOST_WAITING,
            schedule_delay_millis=_SPAN_SECONDS * 1000,
            max_export_batch_size=_TOGETHER,
        )
        observer = RecordingObserver(spans=spans, resource=resource, clock=clock)
        duration_exporter = OTLPMetricExporter(endpoint=endpoint, timeout=_SENDING_SECONDS)
        ending = threading.Event()
        sending = threading.Thread(
            target=_send_durations, args=(observer.durations, duration_exporter, ending), daemon=True
        )
        sending.start()
        try:
            yield observer
        finally:
            ending.set()
            # The processor's own end waits for as long as its exporter does; without its exporter it ends at once.
            flushing = threading.Thread(target=spans.shutdown, daemon=True)
            flushing.start()
            await asyncio.gather(*(asyncio.to_thread(thread.join, _END_SECONDS) for thread in (sending, flushing)))
            duration_exporter.shutdown()
            if flushing.is_alive():
                span_exporter.shutdown()
            await asyncio.gather(*(asyncio.to_thread(thread.join, _END_SECONDS) for thread in (sending, flushing)))


def _send_durations(durations: Durations, exporter: OTLPMetricExporter, ending: threading.Event) -> None:
    """Every now and then, and once more at the end."""
    ended = False
    while not ended:
        ended = ending.wait(_DURATION_SECONDS)
        try:
            exporter.export(durations.collect())
        except Exception:
            _log.exception("durations were not sent")
