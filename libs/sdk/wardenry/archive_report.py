"""What `wardenry-verify --archive` prints."""

from collections.abc import Callable
from typing import TextIO

from wardenry.archive_verification import CHECKS, ArchiveReport

_SHOWN = 20
CUT = "the file ends too early, as where a download stopped"


def as_json(report: ArchiveReport) -> dict[str, object]:
    """The report for programs."""
    manifest = report.manifest
    return {
        "verified": report.verified,
        "problem": CUT if report.cut else None,
        "subject": str(manifest.subject) if manifest else None,
        "request": str(manifest.request) if manifest else None,
        "created_at": manifest.created_at.isoformat() if manifest else None,
        "files": report.files,
        "bytes": report.size,
        "checks": {check: {"made": report.made[check], "failed": report.failed[check]} for check in CHECKS},
        "unchecked": {check: "what it needs is broken, or not signed" for check in CHECKS if not report.made[check]},
        "findings": [{"check": each.check, "file": each.file, "text": each.text} for each in report.findings],
    }


def print_table(
    report: ArchiveReport, out: TextIO, *, paint: Callable[[str, str], str], visible: Callable[[str], str]
) -> None:
    """The report for people: one row a check, then what was found."""
    if (manifest := report.manifest) is not None:
        out.write(f"person   {manifest.subject}\nrequest  {manifest.request}\n")
        out.write(f"made     {manifest.created_at:%Y-%m-%d %H:%M:%S %Z}\n")
        out.write(f"files    {report.files} and their list, {report.size:,} bytes\n\n")
    width = max(len(text) for text in CHECKS.values())
    for check, text in CHECKS.items():
        if report.failed[check]:
            verdict = paint(f"FAILED ({report.failed[check]})", "31")
        elif report.made[check]:
            verdict = paint(f"ok ({report.made[check]})", "32")
        else:
            verdict = paint("not checked", "33")
        out.write(f"  {check:<9}  {text:<{width}}  {verdict}\n")
    out.write("\n")
    for finding in report.findings[:_SHOWN]:
        out.write(f"  {visible(finding.file or 'archive')}: {visible(finding.text)}\n")
    if (more := report.failed.total() - _SHOWN) > 0:
        out.write(f"  … and {more} more\n")
    if report.cut:
        out.write(paint("INCOMPLETE", "33;1") + f": {CUT}. It can be fetched once: ask for another copy\n")
    elif report.verified:
        out.write(paint("VERIFIED", "32;1") + ": this is the archive that was made, and all of it\n")
    else:
        out.write(paint("REFUTED", "31;1") + ": this is not the archive that was signed\n")
