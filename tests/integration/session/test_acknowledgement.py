"""A session's end is acknowledged when no validator accepts its tokens any more, whatever becomes of a validator."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from typing import cast

import pytest

from libs.feed import reader
from libs.feed.fanout import Stream
from libs.feed.replica import Replicas
from services.session.commands.subject_data import SubjectData
from services.session.domain.revocation import Revocation
from tests.support.events import eventually, running
from tests.support.session import SealsForTests, SessionForTests
from wardenry.clock import SystemClock
from wardenry.lease import OVER, Lease
from wardenry.revocations import RevocationSet
from wardenry.tokens import AccessToken

TICK = 0.02


class Validator:
    """Follows one process's feed and judges by it, under its lease."""

    def __init__(self, served_by: SessionForTests, *, slowness: float = 0.0) -> None:
        """`slowness`: seconds between getting a message and taking it in."""
        self._served_by = served_by
        self._slowness = slowness
        self._applied = 0
        self._known = RevocationSet(clock=SystemClock())
        #: Set: takes nothing in any more, and says nothing.
        self.stalled = asyncio.Event()
        #: Set: its line is cut.
        self.cut = asyncio.Event()

    @property
    def is_fresh(self) -> bool:
        return self._known.lease.is_fresh(SystemClock().monotonic())

    def accepts(self, token: AccessToken) -> bool:
        return self.is_fresh and not self._known.refuses(token)

    async def run(self) -> None:
        self._known.lease.begin()
        with self._served_by.fanout.stream() as stream:
            async with running(self._tick(stream)), running(self._listen(stream)):
                await self.cut.wait()
        await asyncio.Event().wait()

    async def _tick(self, stream: Stream[Revocation]) -> None:
        while not self.stalled.is_set():
            stream.arrived(self._known.lease.tick(), applied=self._applied)
            await asyncio.sleep(TICK)
        await asyncio.Event().wait()

    async def _listen(self, stream: Stream[Revocation]) -> None:
        async for update in stream:
            await asyncio.sleep(self._slowness)
            if self.stalled.is_set():
                break
            for row in update.rows:
                if row.session is None:
                    self._known.raise_epoch(row.subject, row.epoch or 0)
                else:
                    self._known.revoke_session(row.session)
            if update.complete:
                self._known.lease.renew(update.echo)
            self._applied = update.number or self._applied
        await asyncio.Event().wait()


@pytest.fixture
async def other(session: SessionForTests) -> AsyncIterator[SessionForTests]:
    """Another process of the same service."""
    async with SessionForTests(session.database) as other:
        yield other


@pytest.fixture
def without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting is over when everybody has confirmed, and in no other way."""
    monkeypatch.setattr(reader, "OVER", 3600)


@asynccontextmanager
async def following(*validators: Validator) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for validator in validators:
            await stack.enter_async_context(running(validator.run()))

        async def all_are() -> bool:
            return all(validator.is_fresh for validator in validators)

        await eventually(all_are)
        yield


async def token_of(session: SessionForTests) -> AccessToken:
    return session.reader.read((await session.sign_in()).access_token)


@pytest.mark.usefixtures("without_end")
async def test_who_confirms_is_waited_for(session: SessionForTests) -> None:
    await ended_three_times(session, [Validator(session, slowness=slowness) for slowness in (0.0, 0.1, 0.3)])


@pytest.mark.usefixtures("without_end")
async def test_who_confirms_to_another_process_is_waited_for(session: SessionForTests, other: SessionForTests) -> None:
    await ended_three_times(
        session, [Validator(each, slowness=slowness) for each in (session, other) for slowness in (0.0, 0.1, 0.3)]
    )


async def ended_three_times(session: SessionForTests, validators: list[Validator]) -> None:
    async with following(*validators), asyncio.timeout(60):
        for _ in range(3):
            token = await token_of(session)
            assert all(validator.accepts(token) or not validator.is_fresh for validator in validators)
            await session.end_subject(token.subject, epoch=2, keep=None)
            assert not any(validator.accepts(token) for validator in validators)


@pytest.mark.usefixtures("without_end")
async def test_an_erasure_waits_too(session: SessionForTests) -> None:
    slow = Validator(session, slowness=0.3)
    async with following(slow), asyncio.timeout(60):
        token = await token_of(session)
        assert slow.accepts(token)
        erase = SubjectData(work=session.work, seals=SealsForTests(), clock=session.clock, ids=session.ids).erase
        await erase(token.subject)
        assert not slow.accepts(token)


@pytest.mark.usefixtures("without_end")
@pytest.mark.parametrize("how", ["by its epoch", "by its owner"])
@pytest.mark.parametrize("elsewhere", [False, True], ids=["to this process", "to another process"])
async def test_an_end_that_is_repeated_waits_as_the_first_did(
    session: SessionForTests, other: SessionForTests, how: str, elsewhere: bool
) -> None:
    slow = Validator(other if elsewhere else session, slowness=0.5)
    async with following(slow), asyncio.timeout(60):
        token = await token_of(session)
        assert slow.accepts(token)

        async def end() -> None:
            if how == "by its owner":
                await session.end.sign_out(session.caller(token))
            else:
                await session.end_subject(token.subject, epoch=2, keep=None)

        async def is_told() -> bool:
            return bool(await session.as_owner("SELECT FROM revocation"))

        first = asyncio.create_task(end())
        await eventually(is_told)
        first.cancel()
        await end()
        assert not slow.accepts(token)


@pytest.mark.usefixtures("without_end")
async def test_who_has_said_nothing_for_long_is_not_waited_for(session: SessionForTests) -> None:
    gone, there = Validator(session), Validator(session)
    async with following(gone, there), asyncio.timeout(60):
        gone.stalled.set()

        async def has_no_lease() -> bool:
            return not gone.is_fresh

        await eventually(has_no_lease)
        token = await token_of(session)
        await session.end_subject(token.subject, epoch=2, keep=None)
        assert not gone.accepts(token)
        assert not there.accepts(token)


@pytest.mark.parametrize("mishap", ["stalled", "cut"])
@pytest.mark.parametrize("elsewhere", [False, True], ids=["of this process", "of another process"])
async def test_who_cannot_confirm_has_no_lease_any_more_at_the_acknowledgement(
    session: SessionForTests, other: SessionForTests, mishap: str, elsewhere: bool
) -> None:
    lost, there = Validator(other if elsewhere else session), Validator(session)
    async with following(lost, there):
        token = await token_of(session)
        assert lost.accepts(token)
        getattr(lost, mishap).set()
        lost.stalled.set()
        await asyncio.sleep(TICK)
        await session.end_subject(token.subject, epoch=2, keep=None)
        assert not lost.accepts(token)
        assert not there.accepts(token)


async def test_the_validators_of_a_killed_process_are_waited_for(session: SessionForTests) -> None:
    killed = Replicas(database=session.jobs, own=session.ids.uuid7())
    await killed.renew()
    theirs = Lease(clock=SystemClock())
    theirs.renew(theirs.tick())
    token = await token_of(session)
    await session.end_subject(token.subject, epoch=2, keep=None)
    assert not theirs.is_fresh(SystemClock().monotonic())


async def test_a_process_is_known_for_longer_than_a_lease_and_its_word_outlasts_a_renewal(
    session: SessionForTests,
) -> None:
    replicas = Replicas(database=session.jobs, own=session.ids.uuid7())

    async def row() -> tuple[str, datetime]:
        (row,) = await session.as_owner(
            "SELECT known::text, expires_at FROM feed_replica WHERE replica_id = $1", replicas.own
        )
        return row["known"], row["expires_at"]

    async def now() -> datetime:
        (row,) = await session.as_owner("SELECT now()")
        return cast(datetime, row["now"])

    began = await now()
    await replicas.renew()
    known, expires_at = await row()
    assert expires_at - began > timedelta(seconds=reader._RENEWAL + OVER + 1)
    await session.sign_in()
    await replicas.renew()
    assert (await row())[0] == known
    began = await now()
    await replicas.leave()
    expires_at = (await row())[1]
    assert timedelta(seconds=OVER) < timedelta(seconds=1) <= expires_at - began
    assert expires_at <= await now() + timedelta(seconds=1)


async def test_while_nothing_can_be_read_all_leases_are_waited_for(
    session: SessionForTests, other: SessionForTests
) -> None:
    ours, theirs = Validator(session), Validator(other)
    async with following(ours, theirs):
        token = await token_of(session)
        assert ours.accepts(token)
        assert theirs.accepts(token)
        await session.jobs.close()
        await session.end_subject(token.subject, epoch=2, keep=None)
        assert not ours.accepts(token)
        assert not theirs.accepts(token)
