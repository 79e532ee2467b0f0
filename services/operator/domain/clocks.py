"""Whether the clocks of a deployment agree."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import permutations
from typing import Final

from services.operator.domain.diagnosis import Diagnosis, Severity
from services.operator.domain.status import Answer
from services.operator.domain.told import Clock

#: Clocks may differ as much as this; by more than the other, tokens and one-time values are misjudged.
SLIGHT_SKEW: Final = timedelta(seconds=2)
LARGE_SKEW: Final = timedelta(seconds=30)

_CHECK = "clock"
_ZERO = timedelta(0)
_MEND = "Have both machines follow a time server."


def judge_clocks(gateway: Answer, services: Mapping[str, Clock], *, missing: Sequence[str] = ()) -> list[Diagnosis]:
    """Whether the gateway's and the services' clocks agree with ours, and the services' with one another's. `missing`
    are the services that did not tell theirs."""
    found = [_off("The gateway's", gateway.skew)] if gateway.skew is not None else [_gateway_unseen(gateway)]
    found += [_off(f"{service}'s", clock.ahead) for service, clock in services.items()]
    found.append(_apart(services))
    if missing:
        what = f"That of {', '.join(missing)} is not known."
        found.append(Diagnosis(check=_CHECK, severity=Severity.UNKNOWN, what=what))
    wrong = [each for each in found if each is not None]
    if wrong:
        return wrong
    count = f"The gateway's and those of {len(services)} services agree" if services else "The gateway's agrees"
    return [Diagnosis(check=_CHECK, severity=Severity.OK, what=f"{count} with this machine's.")]


def _gateway_unseen(gateway: Answer) -> Diagnosis:
    what = "The gateway tells no time." if gateway.reachable else "The gateway does not answer."
    return Diagnosis(check=_CHECK, severity=Severity.UNKNOWN, what=what)


def _off(whose: str, ahead: timedelta) -> Diagnosis | None:
    """None while it may agree with ours."""
    if abs(ahead) <= SLIGHT_SKEW:
        return None
    how = "ahead of" if ahead > _ZERO else "behind"
    return _wrong(f"{whose} is {_seconds(ahead)} {how} this machine's.", ahead)


def _apart(services: Mapping[str, Clock]) -> Diagnosis | None:
    """The two services whose clocks are furthest apart; None while all may agree."""
    pairs = [(services[fast].ahead_of(services[slow]), fast, slow) for fast, slow in permutations(services, 2)]
    ahead, fast, slow = max(pairs, default=(_ZERO, "", ""))
    if ahead <= SLIGHT_SKEW:
        return None
    return _wrong(f"{fast}'s is {_seconds(ahead)} ahead of {slow}'s.", ahead)


def _wrong(what: str, ahead: timedelta) -> Diagnosis:
    severity = Severity.ERROR if abs(ahead) > LARGE_SKEW else Severity.WARNING
    return Diagnosis(check=_CHECK, severity=severity, what=what, mend=_MEND)


def _seconds(skew: timedelta) -> str:
    return f"{abs(skew).total_seconds():.0f} s"
