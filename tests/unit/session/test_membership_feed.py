"""What may be answered from tenancy's feed."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from services.session.clients.membership_feed import HeardMemberships
from services.session.domain.membership import Standing
from tests.support.clock import HeldClock
from wardenry.events.v1.envelope_pb2 import MembershipChanged
from wardenry.tenancy.v1.membership_pb2 import WatchMembershipsResponse

SUBJECT, WORKSPACE = UUID(int=1), UUID(int=2)
COVERED = datetime(2026, 11, 22, 12, tzinfo=UTC)
KNOWN = Standing(role="member", epoch=3, checked_at=COVERED)


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()


@pytest.fixture
def heard(clock: HeldClock) -> HeardMemberships:
    heard = HeardMemberships(clock=clock)
    hear(heard, snapshot=True)
    return heard


def hear(heard: HeardMemberships, *changes: tuple[int, str], snapshot: bool = False, complete: bool = True) -> None:
    message = WatchMembershipsResponse(
        snapshot=snapshot,
        complete=complete,
        echo=heard.lease.tick() if complete else 0,
        changes=[
            MembershipChanged(subject=SUBJECT.bytes, workspace=WORKSPACE.bytes, epoch=epoch, role=role)
            for epoch, role in changes
        ],
    )
    if snapshot and complete:
        message.covered_from.FromDatetime(COVERED)
    heard.apply(message)


def test_an_unchanged_standing_within_reach_is_certain(heard: HeardMemberships) -> None:
    answer = heard.standing(SUBJECT, WORKSPACE, KNOWN)
    assert (answer.certain, answer.standing) == (True, KNOWN)


def test_one_from_before_the_feeds_reach_is_not(heard: HeardMemberships) -> None:
    older = Standing(role="member", epoch=3, checked_at=COVERED - timedelta(microseconds=1))
    assert not heard.standing(SUBJECT, WORKSPACE, older).certain


def test_a_change_is_told_and_an_older_one_is_not(heard: HeardMemberships) -> None:
    hear(heard, (4, "admin"))
    answer = heard.standing(SUBJECT, WORKSPACE, KNOWN)
    assert answer.standing is not None
    assert (answer.standing.role, answer.standing.epoch) == ("admin", 4)
    hear(heard, (2, "owner"))
    assert heard.standing(SUBJECT, WORKSPACE, KNOWN) == answer
    newer = Standing(role="manager", epoch=5, checked_at=COVERED)
    assert heard.standing(SUBJECT, WORKSPACE, newer).standing == newer


def test_an_end_is_told(heard: HeardMemberships) -> None:
    hear(heard, (3, ""))
    answer = heard.standing(SUBJECT, WORKSPACE, KNOWN)
    assert (answer.certain, answer.standing) == (True, None)
    assert heard.refuses(SUBJECT, WORKSPACE, 3) is True
    assert heard.refuses(SUBJECT, WORKSPACE, 4) is False


def test_tokens_of_lower_epochs_are_refused(heard: HeardMemberships) -> None:
    hear(heard, (4, "admin"))
    assert [heard.refuses(SUBJECT, WORKSPACE, epoch) for epoch in (3, 4, 5)] == [True, False, False]


def test_a_stale_feed_answers_nothing(heard: HeardMemberships, clock: HeldClock) -> None:
    hear(heard, (4, "admin"))
    clock.advance(0.81)
    assert not heard.standing(SUBJECT, WORKSPACE, KNOWN).certain
    assert heard.refuses(SUBJECT, WORKSPACE, 3) is None


def test_a_new_stream_reaches_back_only_once_its_snapshot_is_complete(heard: HeardMemberships) -> None:
    hear(heard, snapshot=True, complete=False)
    assert not heard.standing(SUBJECT, WORKSPACE, KNOWN).certain
    assert heard.refuses(SUBJECT, WORKSPACE, 3) is None
    hear(heard)
    assert not heard.standing(SUBJECT, WORKSPACE, KNOWN).certain


def test_too_many_changes_make_it_uncertain_and_never_wrong(clock: HeldClock) -> None:
    heard = HeardMemberships(clock=clock, most_changes=0)
    hear(heard, snapshot=True)
    hear(heard, (4, "admin"))
    assert not heard.standing(SUBJECT, WORKSPACE, KNOWN).certain
    assert heard.refuses(SUBJECT, WORKSPACE, 3) is None
