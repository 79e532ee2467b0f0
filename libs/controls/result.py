"""The result of probing one control."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from libs.controls.examined import Examined, Finding

NOTHING_SEEN = "the probe looked at nothing"


class Verdict(StrEnum):
    """Whether the promise is kept."""

    #: Everything was looked at, and is as promised.
    KEPT = "KEPT"
    #: Something is not as promised. The findings say what and where.
    BROKEN = "BROKEN"
    #: Nothing was found wrong, and not everything could be looked at.
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a probe found out, who sent it, and when."""

    #: Id in the catalogue.
    control: str
    verdict: Verdict
    #: Short facts with figures; the first sums the others up.
    evidence: tuple[str, ...]
    findings: tuple[Finding, ...]
    #: What could not be probed, and why.
    unknown: tuple[str, ...]
    started_at: datetime
    finished_at: datetime
    #: Mutual-TLS name of who probed.
    prober: str

    @classmethod
    def of(
        cls, control: str, examined: Examined, *, started_at: datetime, finished_at: datetime, prober: str
    ) -> "Result":
        """The result that an examination amounts to. What saw nothing is UNKNOWN, never KEPT."""
        unknown = examined.unknown if examined.facts or examined.findings or examined.unknown else (NOTHING_SEEN,)
        verdict = Verdict.KEPT
        if examined.findings:
            verdict = Verdict.BROKEN
        elif unknown:
            verdict = Verdict.UNKNOWN
        return cls(
            control=control,
            verdict=verdict,
            evidence=examined.facts,
            findings=examined.findings,
            unknown=unknown,
            started_at=started_at,
            finished_at=finished_at,
            prober=prober,
        )

    def as_json(self) -> dict[str, object]:
        """The same for programs; times are RFC 3339 in UTC."""
        return {
            "control": self.control,
            "verdict": self.verdict.value,
            "evidence": list(self.evidence),
            "findings": [{"where": finding.where, "what": finding.what} for finding in self.findings],
            "unknown": list(self.unknown),
            "started_at": self.started_at.isoformat(),
            "finished_at": self.finished_at.isoformat(),
            "prober": self.prober,
        }
