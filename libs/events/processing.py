"""The spans of taking in: one for each event of a sampled trace, nothing for the others."""

from collections.abc import Iterable, Sequence

from libs.events.record import Record, topic_of
from libs.telemetry.observer import Kind, Observer, Span
from libs.telemetry.trace_context import recorded


class Processing:
    """Puts what a consumer does with an event into the trace that caused the event.

    Only for records whose MAC was verified: a trace is no place for what a stranger sent.
    """

    def __init__(self, *, observer: Observer) -> None:
        self._observer = observer

    def begin(self, records: Iterable[Record]) -> Sequence[Span]:
        """Spans for taking the records in, from now on."""
        if not self._observer.recording:
            return ()
        spans = []
        for record in records:
            if (cause := recorded(record.traceparent)) is not None:
                topic = topic_of(record.source)
                attributes: dict[str, str | int] = {
                    "messaging.system": "kafka",
                    "messaging.operation.name": "process",
                    "messaging.operation.type": "process",
                    "messaging.destination.name": topic,
                    "messaging.message.id": str(record.event_id),
                    "cloudevents.event_type": record.action,
                    "cloudevents.event_subject": str(record.log),
                }
                if record.raw is not None:
                    attributes["messaging.destination.partition.id"] = str(record.raw.partition)
                    attributes["messaging.kafka.offset"] = record.raw.offset
                position = cause.child()
                spans.append(self._observer.message(f"process {topic}", Kind.CONSUMER, position, cause, attributes))
        return spans
