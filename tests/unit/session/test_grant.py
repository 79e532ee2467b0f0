"""What presenting a refresh token is worth."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from libs.crypto.reader_key import ReaderPublicKey
from services.session.domain.errors import RefreshBusy, RefreshInvalid, RefreshLimited, RefreshReused
from services.session.domain.grant import GRACE, GRACE_USES, Grant, Pace, Use

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DEVICE, OTHER = bytes(32), bytes([1]) * 32
PACE = Pace(burst=3, interval=timedelta(seconds=10))
GRANT = Grant(
    read_at=NOW,
    subject=UUID(int=1),
    grant=UUID(int=2),
    session=UUID(int=3),
    client_id="gateway",
    audience="wardenry",
    workspace=None,
    standing=None,
    audit_key=ReaderPublicKey(key_id=UUID(int=4), version=1, public=bytes(32)),
    device_binding=DEVICE,
    seed=bytes(32),
    key_version=1,
    counter=5,
    rotated_at=NOW - timedelta(seconds=3),
    grace_uses=0,
    paced_until=NOW - timedelta(hours=1),
    idle=timedelta(days=14),
    expires_at=NOW + timedelta(days=90),
    ended=False,
    amr=("pwd",),
    acr="aal1",
    authenticated_at=NOW,
)


def test_the_current_one_rotates_and_the_previous_one_repeats() -> None:
    assert GRANT.use(5, device_binding=DEVICE, pace=PACE) is Use.ROTATE
    assert GRANT.use(4, device_binding=DEVICE, pace=PACE) is Use.REPEAT


@pytest.mark.parametrize("counter", [0, 3])
@pytest.mark.parametrize("device", [DEVICE, OTHER])
def test_an_older_one_is_reuse_from_whatever_device(counter: int, device: bytes) -> None:
    with pytest.raises(RefreshReused):
        GRANT.use(counter, device_binding=device, pace=PACE)


def test_the_grace_ends_to_the_microsecond() -> None:
    last = replace(GRANT, rotated_at=NOW - GRACE + timedelta(microseconds=1))
    assert last.use(4, device_binding=DEVICE, pace=PACE) is Use.REPEAT
    with pytest.raises(RefreshReused):
        replace(GRANT, rotated_at=NOW - GRACE).use(4, device_binding=DEVICE, pace=PACE)


def test_the_grace_has_its_uses_and_the_session_is_kept_beyond() -> None:
    assert replace(GRANT, grace_uses=GRACE_USES - 1).use(4, device_binding=DEVICE, pace=PACE) is Use.REPEAT
    with pytest.raises(RefreshBusy):
        replace(GRANT, grace_uses=GRACE_USES).use(4, device_binding=DEVICE, pace=PACE)
    assert replace(GRANT, grace_uses=GRACE_USES).use(5, device_binding=DEVICE, pace=PACE) is Use.ROTATE


@pytest.mark.parametrize("counter", [4, 5])
def test_another_device_is_refused(counter: int) -> None:
    with pytest.raises(RefreshInvalid):
        GRANT.use(counter, device_binding=OTHER, pace=PACE)


@pytest.mark.parametrize(
    "grant",
    [
        replace(GRANT, ended=True),
        replace(GRANT, expires_at=NOW),
        replace(GRANT, rotated_at=NOW - timedelta(days=14)),
    ],
)
@pytest.mark.parametrize("counter", [3, 4, 5])
def test_what_is_over_is_refused_and_no_reuse(grant: Grant, counter: int) -> None:
    with pytest.raises(RefreshInvalid):
        grant.use(counter, device_binding=DEVICE, pace=PACE)


def test_one_from_the_future_of_a_restored_row_is_refused() -> None:
    with pytest.raises(RefreshInvalid):
        GRANT.use(6, device_binding=DEVICE, pace=PACE)


def test_a_rotation_moves_the_counter_and_a_repeat_does_not() -> None:
    rotated = GRANT.after(Use.ROTATE, key_version=2, standing=None)
    assert (rotated.counter, rotated.key_version, rotated.rotated_at, rotated.grace_uses) == (6, 2, NOW, 0)
    repeated = GRANT.after(Use.REPEAT, key_version=2, standing=None)
    assert (repeated.counter, repeated.key_version, repeated.rotated_at) == (5, 1, GRANT.rotated_at)


def test_a_burst_may_go_at_once_and_then_one_an_interval() -> None:
    until, waits = NOW, []
    for _ in range(4):
        waits.append(PACE.wait(until, now=NOW).total_seconds())
        until = max(until, NOW) + PACE.interval
    assert [wait > 0 for wait in waits] == [False, False, False, True]
    assert waits[3] == 10


def test_what_comes_too_fast_is_told_when_to_come_again_and_a_repeat_is_not_counted() -> None:
    ahead = replace(GRANT, paced_until=NOW + timedelta(seconds=21))
    with pytest.raises(RefreshLimited) as limited:
        ahead.use(5, device_binding=DEVICE, pace=PACE)
    assert limited.value.retry_after == timedelta(seconds=1)
    assert ahead.use(4, device_binding=DEVICE, pace=PACE) is Use.REPEAT
    due = replace(ahead, paced_until=NOW + timedelta(seconds=20))
    assert due.use(5, device_binding=DEVICE, pace=PACE) is Use.ROTATE


def test_nothing_is_waited_for_that_a_clock_has_judged_which_went_back() -> None:
    ahead = replace(GRANT, rotated_at=NOW + timedelta(hours=1), paced_until=NOW + timedelta(hours=1, seconds=21))
    assert ahead.use(5, device_binding=DEVICE, pace=PACE) is Use.ROTATE
