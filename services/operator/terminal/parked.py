"""`wardenry parked list` and `wardenry parked retry`."""

from collections import Counter
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from services.operator.commands.parked import LookAtParked, RetryParked
from services.operator.domain.parked import CONSUMERS, Event, Outcome, Retried, SetAside
from services.operator.terminal.exits import Exit
from services.operator.terminal.output import show, show_json, table
from services.operator.terminal.running import Opened, run

_MOST = 100
_STYLES = {Outcome.TAKEN: "green", Outcome.GONE: "", Outcome.REFUSED: "bold red", Outcome.FAILED: "bold red"}


class Consumer(StrEnum):
    SESSION = "session"
    AUDIT = "audit"


class Reason(StrEnum):
    MALFORMED = "malformed"
    FORGED = "forged"
    REJECTED = "rejected"
    FAILED = "failed"
    CONFLICT = "conflict"
    SUPERSEDED = "superseded"


def register(application: typer.Typer, looking: Opened[LookAtParked], retrying: Opened[RetryParked]) -> None:
    parked = typer.Typer(
        name="parked", help="Events that a service set aside instead of taking them in.", no_args_is_help=True
    )
    application.add_typer(parked)

    @parked.command("list")
    def look(
        consumer: Annotated[
            Consumer | None, typer.Argument(help="The service that set them aside. Without: each.")
        ] = None,
        reason: Annotated[Reason | None, typer.Option("--reason", help="Those of this reason alone.")] = None,
        as_json: Annotated[bool, typer.Option("--json", help="A list of records for programs.")] = False,
    ) -> None:
        """Show which events are set aside, and why; never what they say. The oldest 100 of each service, with --json
        all.

        The exit code is 0 when there are none, 1 when there are.
        """
        consumers = [consumer.value] if consumer else CONSUMERS
        most = 1 << 62 if as_json else _MOST
        wanted = reason.value if reason else ""
        found, longer = run(looking, lambda look_at: look_at(consumers, reason=wanted, most=most))
        if as_json:
            show_json([record_as_json(each) for each in found])
        else:
            show(*_listed(found, longer))
        raise typer.Exit(Exit.NOT_WELL if found else Exit.OK)

    @parked.command("retry")
    def retry(
        consumer: Annotated[Consumer, typer.Argument(help="The service that set them aside.")],
        as_json: Annotated[bool, typer.Option("--json", help="A list of results for programs.")] = False,
    ) -> None:
        """Have a service take in what failed before.

        What it set aside as failed, once what made it fail is mended. Doing it again is harmless, and so is doing it
        twice at once. The exit code is 0 when nothing stays parked as failed, 1 when something does.
        """
        told = (lambda retried: None) if as_json else (lambda retried: show(_line(retried)))
        results = run(retrying, lambda retry_parked: retry_parked(consumer.value, on_result=told))
        if as_json:
            show_json([result_as_json(each) for each in results])
        else:
            show(*_summary(consumer.value, results))
        raise typer.Exit(Exit.NOT_WELL if any(each.stays for each in results) else Exit.OK)


def _listed(found: Sequence[SetAside], longer: Sequence[str]) -> Iterator[RenderableType]:
    if not found:
        yield "No record is set aside."
        return
    yield _table(found)
    for consumer in longer:
        yield Text(f"{consumer} has more than {_MOST}: --json shows all.", "yellow")
    if any(each.reason == Reason.FAILED for each in found):
        yield ""
        yield "Once what made them fail is mended, wardenry parked retry has them taken in."


def _table(found: Sequence[SetAside]) -> Table:
    rows = table("service", "reason", "parked", "event")
    for each in found:
        stranger = f"record {each.digest.hex()[:16]}, {each.size:,} bytes on {each.topic}: not its source's"
        event = Text(_named(each.event) if each.event else stranger)
        event.append(f"\n{each.detail}", "dim")
        rows.add_row(each.consumer, each.reason, f"{each.parked_at:%Y-%m-%d %H:%M:%S}", event)
    return rows


def _named(event: Event) -> str:
    return f"{event.action} of {event.source}, {event.occurred_at:%Y-%m-%d %H:%M:%S}, {event.event_id}"


def _line(retried: Retried) -> Text:
    line = Text.assemble((f"{retried.outcome:<8}", _STYLES[retried.outcome]))
    line.append(_named(retried.event) if retried.event else f"record {retried.digest.hex()[:16]}")
    return line.append(f": {retried.detail}") if retried.detail else line


def _summary(consumer: str, results: Sequence[Retried]) -> Iterator[str]:
    if not results:
        yield f"{consumer} has set aside nothing that failed."
        return
    counts = Counter(each.outcome for each in results)
    yield ""
    yield ", ".join(f"{counts[outcome]:,} {outcome}" for outcome in Outcome if counts[outcome]) + "."


def record_as_json(record: SetAside) -> dict[str, object]:
    """A record for programs."""
    return {
        "service": record.consumer,
        "digest": record.digest.hex(),
        "reason": record.reason,
        "detail": record.detail,
        "topic": record.topic,
        "bytes": record.size,
        "parked_at": record.parked_at.isoformat(),
        "event": _event_as_json(record.event),
    }


def result_as_json(retried: Retried) -> dict[str, object]:
    """What became of one, for programs."""
    return {
        "digest": retried.digest.hex(),
        "outcome": retried.outcome.value,
        "detail": retried.detail or None,
        "event": _event_as_json(retried.event),
    }


def _event_as_json(event: Event | None) -> dict[str, object] | None:
    if event is None:
        return None
    return {
        "source": event.source,
        "bucket": event.bucket,
        "generation": event.generation,
        "number": event.number,
        "id": str(event.event_id),
        "log": str(event.log),
        "action": event.action,
        "occurred_at": event.occurred_at.isoformat(),
    }
