"""What is wrong with a deployment, and how to mend it: the rules, on what was seen."""

import stat
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from services.operator.domain.status import Certificate, LogHead, Part

#: A certificate that ends sooner is told of; one that ends sooner still is an error.
SOON: Final = timedelta(days=30)
VERY_SOON: Final = timedelta(days=7)


class Severity(StrEnum):
    """How bad it is."""

    OK = "ok"
    #: It could not be looked at.
    UNKNOWN = "unknown"
    #: It works, and will not for long, or not for everybody.
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """One thing that was looked at."""

    #: Name of the check.
    check: str
    severity: Severity
    #: What was seen, a sentence.
    what: str
    #: How to mend it, a sentence; empty where nothing is to be done.
    mend: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """Everything that was looked at."""

    #: In the order of the checks.
    diagnoses: Sequence[Diagnosis]
    #: Whether nobody was there at any address, which is why the rest is wrong.
    deserted: bool

    @property
    def well(self) -> bool:
        return all(each.severity is Severity.OK for each in self.diagnoses)


def judge_parts(parts: Sequence[Part]) -> list[Diagnosis]:
    """Whether every part answers, as who it should be."""
    found = [
        Diagnosis(
            check="parts",
            severity=Severity.ERROR,
            what=f"{part.name} at {part.address}: {_sentence(part.trouble)}",
            mend=_mended(part),
        )
        for part in parts
        if part.trouble
    ]
    found += [
        Diagnosis(check="parts", severity=Severity.UNKNOWN, what=f"{part.name} does not tell how it is: {part.untold}.")
        for part in parts
        if part.untold
    ]
    return found or [_ok("parts", f"All {len(parts)} answer, and have what they need.")]


def _mended(part: Part) -> str:
    setting = "WARDENRY_ISSUER" if part.name == "gateway" else f"WARDENRY_{part.name.upper()}_ADDRESS"
    if part.presented.certificate is None:
        return f"Start it, or set {setting} to where it is."
    if part.presented.trouble:
        return "Give it a certificate of the authority that we trust, for its one name."
    return "Its own log says what it waits for."


def judge_certificates(
    certificates: Iterable[tuple[str, Certificate]], *, missing: Sequence[str], now: datetime
) -> list[Diagnosis]:
    """Whether each certificate, told of by whose it is, lasts. `missing`: the servers whose own was not seen."""
    found: list[Diagnosis] = []
    seen: list[str] = []
    least: int | None = None
    for whose, certificate in certificates:
        seen.append(f"{whose[:1].lower()}{whose[1:]}")
        left, days = certificate.ends_at - now, certificate.days_left(now)
        least = days if least is None else min(least, days)
        if left > SOON:
            continue
        ends = f"ended {-days} days ago" if left <= timedelta(0) else f"ends in {days} days"
        found.append(
            Diagnosis(
                check="certificates",
                severity=Severity.ERROR if left <= VERY_SOON else Severity.WARNING,
                what=f"{whose} {ends}.",
                mend="Issue a new one and restart; the local stack does so when it starts.",
            )
        )
    first = "" if found or least is None else f"The first ends in {least} days."
    if missing:
        what = f"Those of {', '.join(missing)} were not seen. Seen were: {', '.join(dict.fromkeys(seen)) or 'none'}."
        found.append(Diagnosis(check="certificates", severity=Severity.UNKNOWN, what=f"{what} {first}".rstrip()))
    elif first:
        found.append(_ok("certificates", first))
    return found


def judge_issuer(told: str, *, gateway: str) -> Diagnosis:
    """Whether session issues tokens in the gateway's name."""
    if told == gateway:
        return _ok("issuer", f"Tokens are issued as {told}, where the gateway is.")
    return Diagnosis(
        check="issuer",
        severity=Severity.ERROR,
        what=f"session issues tokens as {told}, and we were told that the gateway is {gateway}.",
        mend="Set WARDENRY_ISSUER to the gateway's public origin, for every service and here.",
    )


def judge_keys(known: Collection[str], *, published: Collection[str]) -> Diagnosis:
    """Whether the gateway publishes the keys that session has: ids of either."""
    missing = set(published) - set(known)
    if published and not missing:
        return _ok("keys", f"The gateway publishes {len(published)} of session's keys, and no others.")
    return Diagnosis(
        check="keys",
        severity=Severity.ERROR,
        what=f"The gateway publishes keys that session does not have: {', '.join(sorted(missing))}."
        if missing
        else "The gateway publishes no keys: no token can be verified.",
        mend="Set the gateway's WARDENRY_SESSION_ADDRESS to the session service that is asked here.",
    )


def judge_log(head: LogHead, *, gateway: str) -> Diagnosis:
    """Whether the log's name is a place where it can be read, and no key is on its way to its end."""
    if head.ending:
        return Diagnosis(
            check="log",
            severity=Severity.WARNING,
            what=f"The log does not say yet that {_keys(head.ending)} ended: until then what it signs is believed.",
            mend="It does within seconds, unless events of audit wait or were parked: see there.",
        )
    if f"https://{head.origin}".startswith(f"{gateway}/"):
        return _ok("log", f"Its checkpoint over {head.size:,} entries is signed as {head.origin.partition('/')[0]}.")
    return Diagnosis(
        check="log",
        severity=Severity.WARNING,
        what=f"The log calls itself {head.origin}, which is not where the gateway shows it.",
        mend="Set WARDENRY_AUDIT_LOG_ORIGIN before the first entry; once there are entries, leave it as it is.",
    )


def _keys(keys: Sequence[str]) -> str:
    """By name and id, without their bytes."""
    return " and ".join("+".join(key.split("+")[:2]) for key in keys)


def judge_files(files: Iterable[tuple[str, int, bool]]) -> list[Diagnosis]:
    """Whether our own files are ours alone: path, mode, and whether it is a secret. Whoever may write one of the others
    decides whom we trust."""
    found, count = [], 0
    for path, mode, secret in files:
        count += 1
        writable = mode & (stat.S_IWGRP | stat.S_IWOTH)
        readable = secret and mode & (stat.S_IRGRP | stat.S_IROTH)
        if writable or readable:
            found.append(
                Diagnosis(
                    check="files",
                    severity=Severity.ERROR,
                    what=f"Others may {'write' if writable else 'read'} {path}.",
                    mend=f"chmod {'600' if secret else 'go-w'} {path}",
                )
            )
    return found or [_ok("files", f"Our {count} files are ours alone.")]


def judge_transport(broken: Sequence[tuple[str, str]], unknown: Sequence[str], *, handshakes: int) -> list[Diagnosis]:
    """Which versions of TLS, and which clients, servers take: where and what is wrong, and what could not be seen."""
    found = [
        Diagnosis(
            check="tls",
            severity=Severity.ERROR,
            what=f"{where}: {_sentence(what)}",
            mend="Let nothing between us and it end TLS; services take 1.3 alone, the gateway 1.2 at least.",
        )
        for where, what in broken
    ]
    found += [Diagnosis(check="tls", severity=Severity.UNKNOWN, what=_sentence(each)) for each in unknown]
    return found or [_ok("tls", f"{handshakes} handshakes: too old versions and strangers are refused everywhere.")]


def _sentence(clause: str) -> str:
    """What others told, which may end with a full stop."""
    return f"{clause.rstrip('.')}."


def _ok(check: str, what: str) -> Diagnosis:
    return Diagnosis(check=check, severity=Severity.OK, what=what)
