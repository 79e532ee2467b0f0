"""What an examination of one control found out, before anybody calls it a verdict."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was promised."""

    #: Where exactly: a table, a role, an address, an entry.
    where: str
    #: What is wrong there.
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What was seen. Nothing of it is personal data."""

    #: What was looked at and seen, each in a few words, with figures; the first sums the others up.
    facts: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    #: What could not be examined, and why.
    unknown: tuple[str, ...] = ()
    #: Numbers that are added up over several examinations, by name.
    figures: Mapping[str, int] = field(default_factory=dict)
    #: What the prober examines for itself, by name.
    exhibits: Mapping[str, bytes] = field(default_factory=dict, repr=False)


def together(parts: Iterable[Examined]) -> Examined:
    """What several examinations found out, in their order; figures are added up."""
    facts: list[str] = []
    findings: list[Finding] = []
    unknown: list[str] = []
    figures: dict[str, int] = {}
    exhibits: dict[str, bytes] = {}
    for part in parts:
        facts += part.facts
        findings += part.findings
        unknown += part.unknown
        for name, figure in part.figures.items():
            figures[name] = figures.get(name, 0) + figure
        exhibits |= part.exhibits
    return Examined(
        facts=tuple(facts), findings=tuple(findings), unknown=tuple(unknown), figures=figures, exhibits=exhibits
    )
