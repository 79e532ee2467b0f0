"""When signing keys change."""

from datetime import UTC, datetime, timedelta

import pytest

from services.session.domain.signing_key import KeyState, RotationPlan, SigningKey, plan

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PERIOD, LIFE = timedelta(days=30), timedelta(minutes=10)


def key(state: KeyState, *, made: timedelta, since: timedelta | None = None) -> SigningKey:
    current_from = None if state is KeyState.NEXT else NOW - (since or made)
    return SigningKey(
        key_id=f"{state.value} {made}",
        state=state,
        public=bytes(32),
        private_wrapped=b"",
        created_at=NOW - made,
        current_from=current_from,
        retired_at=NOW - (since or made) if state is KeyState.RETIRED else None,
    )


def planned(*keys: SigningKey) -> RotationPlan:
    return plan(keys, now=NOW, period=PERIOD, token_life=LIFE)


DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ((), RotationPlan(begin=True, prepare=True)),
        ((key(KeyState.CURRENT, made=DAY),), RotationPlan(prepare=True)),
        ((key(KeyState.CURRENT, made=DAY), key(KeyState.NEXT, made=DAY)), RotationPlan()),
        (
            (key(KeyState.CURRENT, made=31 * DAY), key(KeyState.NEXT, made=31 * DAY)),
            RotationPlan(advance=True, prepare=True),
        ),
        # Published too short a time for every validator to know it.
        ((key(KeyState.CURRENT, made=31 * DAY), key(KeyState.NEXT, made=timedelta(minutes=59))), RotationPlan()),
    ],
)
def test_what_is_due(keys: tuple[SigningKey, ...], expected: RotationPlan) -> None:
    assert planned(*keys) == expected


def test_a_retired_key_stays_until_its_last_token_has_ended() -> None:
    fresh = key(KeyState.RETIRED, made=60 * DAY, since=timedelta(minutes=10, seconds=59))
    old = key(KeyState.RETIRED, made=60 * DAY, since=timedelta(minutes=11))
    rest = (key(KeyState.CURRENT, made=DAY), key(KeyState.NEXT, made=DAY))
    assert planned(*rest, fresh, old) == RotationPlan(forget=(old.key_id,))
