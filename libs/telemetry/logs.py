"""Logs: one JSON object a line on stderr, with the trace, without people and secrets.

{"time":"…","level":"error","service":"session","event":"call.failed","trace_id":"…","error":"ValueError: …",…}
"""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

from libs.telemetry import trace_context
from libs.telemetry.redaction import redact, summary

_MOST_FRAMES = 20


def configure(*, service: str, level: str, stream: TextIO = sys.stderr) -> None:
    """Have structlog and the standard library's logging write there. Once, at the start of a process."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        _Position(service=service),
        _describe_error,
        redact,
    ]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(sort_keys=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.captureWarnings(True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


class _Position:
    """Adds the service and the running task's trace."""

    def __init__(self, *, service: str) -> None:
        self._service = service

    def __call__(self, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["service"] = self._service
        if (context := trace_context.current()) is not None:
            event["trace_id"] = context.trace_id_hex
        return event


def _describe_error(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """An exception as its type and where it came from. Its text may quote what must not be logged; see redaction."""
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    error = info if isinstance(info, BaseException) else info[1] if isinstance(info, tuple) else None
    if error is None:
        return event
    event["error"] = summary(error)
    frames = traceback.extract_tb(error.__traceback__)[-_MOST_FRAMES:]
    event["frames"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    if (cause := error.__cause__ or error.__context__) is not None:
        event["cause"] = summary(cause)
    return event
