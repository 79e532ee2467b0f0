"""The filter of an export, as its header states it, and whether an entry matches."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from wardenry.log.leaf import Leaf
from wardenry.timestamp import timestamp_of


class FilterInvalid(ValueError):
    """The header states a filter that is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryFilter:
    """What was asked for; all that is given must match."""

    #: "noun.verb"; empty for all.
    actions: tuple[str, ...] = ()
    #: A subject that acted or was acted on.
    subject: UUID | None = None
    #: Occurred at or after, UTC.
    occurred_from: datetime | None = None
    #: Occurred before, UTC.
    occurred_before: datetime | None = None
    #: "success", "failure", or empty for both.
    outcome: str = ""

    def matches(self, leaf: Leaf) -> bool:
        """Whether the entry is one that was asked for."""
        return (
            (not self.actions or leaf.action in self.actions)
            and (self.subject is None or leaf.concerns(self.subject))
            and (self.occurred_from is None or leaf.occurred >= self.occurred_from)
            and (self.occurred_before is None or leaf.occurred < self.occurred_before)
            and (not self.outcome or leaf.outcome == self.outcome)
        )

    def stated(self) -> dict[str, object]:
        """As the header states it: only what is given, so that an empty object means everything."""
        stated: dict[str, object] = {}
        if self.actions:
            stated["actions"] = list(self.actions)
        if self.subject is not None:
            stated["subject"] = str(self.subject)
        if self.occurred_from is not None:
            stated["occurred_from"] = _written(self.occurred_from)
        if self.occurred_before is not None:
            stated["occurred_before"] = _written(self.occurred_before)
        if self.outcome:
            stated["outcome"] = self.outcome
        return stated

    @classmethod
    def parse(cls, stated: Mapping[str, object]) -> "EntryFilter":
        """The filter that a header states. Raises FilterInvalid."""
        try:
            parsed = cls(
                actions=_texts(stated.get("actions", [])),
                subject=UUID(_text(stated["subject"])) if "subject" in stated else None,
                occurred_from=_time(stated.get("occurred_from")),
                occurred_before=_time(stated.get("occurred_before")),
                outcome=_text(stated.get("outcome", "")),
            )
        except ValueError:
            raise FilterInvalid("the filter in the header is malformed") from None
        if parsed.stated() != stated:
            raise FilterInvalid("the filter in the header is malformed")
        return parsed


def _written(time: datetime) -> str:
    return timestamp_of(time).ToJsonString()


def _time(value: object) -> datetime | None:
    return None if value is None else datetime.fromisoformat(_text(value))


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError
    return tuple(_text(each) for each in value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError
    return value
