"""What a check of the whole store found."""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TextIO
from uuid import UUID

#: The checks, in the order in which they are listed, and what each finds out.
CHECKS = {
    "density": "entries are numbered from 0, without gap or double",
    "event": "no event is in its log twice",
    "leaf": "every leaf can be read, is of its log, and says what its row says",
    "hash": "every stored hash is the one that the leaves make, and none is missing",
    "head": "every tree's size, root and frontier are what the leaves make",
    "checkpoint": "every checkpoint is signed, and over the tree of its size",
    "beside": "what is stored beside a leaf belongs to one",
    "anchor": "every head that was sent is in the platform log, and no other",
    "segment": "every segment is there, in its chain, and says what the rows say",
    "release": "segments hold every entry, in order, before a checkpoint covers it",
}
HOLDS, DAMAGED, UNCHECKED = 0, 1, 2
#: Findings that are kept; the rest is counted.
_KEPT = 100
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not hold."""

    check: str
    log: UUID | None
    text: str


@dataclass(slots=True)
class FsckReport:
    """What was checked and what does not hold."""

    logs: int = 0
    entries: int = 0
    segments: int = 0
    #: How often each check was made.
    made: Counter[str] = field(default_factory=Counter)
    #: How often each failed.
    failed: Counter[str] = field(default_factory=Counter)
    #: The first findings.
    findings: list[Finding] = field(default_factory=list)
    #: Why a check could not be made, by check.
    unchecked: dict[str, str] = field(default_factory=dict)
    #: Why the whole was not brought to its end; empty when it was.
    broken_off: str = ""

    def fail(self, check: str, log: UUID | None, text: str) -> None:
        self.failed[check] += 1
        if len(self.findings) < _KEPT:
            self.findings.append(Finding(check, log, text))

    @property
    def exit_code(self) -> int:
        """0: everything holds; 1: something does not; 2: what could be checked holds, and not everything could."""
        if self.failed:
            return DAMAGED
        return UNCHECKED if self.unchecked or self.broken_off else HOLDS

    def as_json(self) -> str:
        """For programs, one line."""
        return json.dumps(
            {
                "holds": self.exit_code == HOLDS,
                "logs": self.logs,
                "entries": self.entries,
                "segments": self.segments,
                "checks": {check: {"made": self.made[check], "failed": self.failed[check]} for check in CHECKS},
                "unchecked": self.unchecked,
                "broken_off": self.broken_off,
                "findings": [
                    {"check": each.check, "log": str(each.log) if each.log else None, "text": each.text}
                    for each in self.findings
                ],
            }
        )

    def print_table(self, out: TextIO) -> None:
        """For people: one row a check, then what was found."""
        out.write(f"{self.logs} logs, {self.entries} entries, {self.segments} segments\n\n")
        width = max(len(text) for text in CHECKS.values())
        for check, text in CHECKS.items():
            if self.failed[check]:
                verdict = f"FAILED ({self.failed[check]})"
            elif check in self.unchecked:
                verdict = f"not checked: {self.unchecked[check]}"
            else:
                verdict = f"ok ({self.made[check]})" if self.made[check] else "-"
            out.write(f"  {check:<11} {text:<{width}}  {verdict}\n")
        out.write("\n")
        for finding in self.findings[:_SHOWN]:
            out.write(f"  {finding.log or 'all logs'}: {finding.text}\n")
        if (more := self.failed.total() - _SHOWN) > 0:
            out.write(f"  … and {more} more\n")
        if self.broken_off:
            out.write(f"  not brought to its end: {self.broken_off}\n")
        out.write({HOLDS: "HOLDS\n", DAMAGED: "DAMAGED\n", UNCHECKED: "NOT EVERYTHING WAS CHECKED\n"}[self.exit_code])
