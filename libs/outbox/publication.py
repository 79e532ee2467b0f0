"""The spans of sending: one for each event of a sampled trace, nothing for the others."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from libs.events.record import Record, topic_of
from libs.telemetry.observer import Kind, Observer, Span
from libs.telemetry.trace_context import recorded


class Publications:
    """Puts the sending of events into the traces that caused them.

    A record goes out with the position of its own sending, so that what consumers do comes after that in the trace.
    The position follows from the event: however often and by whomever a record is sent, it is the same, as the MAC and
    the comparison of copies want it.
    """

    def __init__(self, *, source: str, observer: Observer) -> None:
        self._observer = observer
        self._topic = topic_of(source)
        self._attributes = {
            "messaging.system": "kafka",
            "messaging.operation.name": "send",
            "messaging.operation.type": "send",
            "messaging.destination.name": self._topic,
        }

    def positioned(self, records: Iterable[Record]) -> list[Record]:
        """The records as they go out."""
        return [_positioned(record) for record in records]

    def begin(self, records: Iterable[Record]) -> Sequence[Span]:
        """Spans for sending the records, as they were in the outbox, for the first time."""
        if not self._observer.recording:
            return ()
        spans = []
        for record in records:
            if (cause := recorded(record.traceparent)) is not None:
                attributes = {
                    **self._attributes,
                    "messaging.message.id": str(record.event_id),
                    "cloudevents.event_type": record.action,
                }
                position = cause.derived(record.event_id.bytes)
                spans.append(self._observer.message(f"send {self._topic}", Kind.PRODUCER, position, cause, attributes))
        return spans


def _positioned(record: Record) -> Record:
    cause = recorded(record.traceparent)
    if cause is None:
        return record
    return replace(record, traceparent=cause.derived(record.event_id.bytes).traceparent())
