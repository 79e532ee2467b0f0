"""Heads of logs in the platform log: blinded, each once, and provable by who holds the nonce."""

import asyncio
import io
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from libs.db.pool import Database
from libs.events.caller import Caller
from libs.events.client import UNKNOWN
from libs.ids import PLATFORM
from services.audit.commands.export import ExportFormat
from services.audit.domain.errors import AnchorNotFound
from services.audit.jobs.anchor import AnchorGrownLogs
from tests.support.audit import ALICE, LOG, OTHER_LOG, SESSION, SIGNER, AuditOnPostgres
from tests.support.events import eventually
from wardenry.log.anchor import PLATFORM_LOG, Anchor, AnchorInvalid, log_head, verify_anchor
from wardenry.log.filter import EntryFilter
from wardenry.log.leaf import parse_leaf
from wardenry.log.verification import Report, verify_export


@pytest.fixture
def job(audit: AuditOnPostgres, jobs: Database) -> AnchorGrownLogs:
    interval = timedelta(milliseconds=50)
    return AnchorGrownLogs(jobs=jobs, anchoring=audit.anchoring, interval=interval, clock=audit.clock)


async def anchor_of(audit: AuditOnPostgres, size: int = 0) -> Anchor:
    proof = await audit.anchors.prove(LOG, size=size)
    continued = await audit.proving.consistency(LOG, proof.checkpoint.size, second_size=0)
    return Anchor(
        nonce=proof.nonce,
        checkpoint=proof.checkpoint.note,
        consistency=continued.hashes,
        leaf=proof.leaf,
        index=proof.inclusion.index,
        inclusion=proof.inclusion.hashes,
        platform_checkpoint=proof.inclusion.checkpoint.note,
    )


async def exported(audit: AuditOnPostgres, wanted: EntryFilter) -> Report:
    caller = Caller(subject=ALICE, session=SESSION, client_id="gateway", client=UNKNOWN)
    parts = audit.exporting.export(caller, LOG, wanted, ExportFormat.JSON_LINES)
    return verify_export(io.BytesIO(b"".join([part async for part in parts])), [SIGNER.key])


def test_the_sdk_knows_the_platform_log() -> None:
    assert PLATFORM_LOG == PLATFORM


async def test_each_head_enters_the_platform_log_once(audit: AuditOnPostgres, job: AnchorGrownLogs) -> None:
    await audit.intake.take([*audit.records(3), *audit.records(2, log=OTHER_LOG)])
    assert await job.anchor() == 2
    assert await job.anchor() == 0
    with pytest.raises(AnchorNotFound):
        await audit.anchors.prove(LOG, size=0)
    sent = await audit.deliver()
    assert await audit.size(PLATFORM) == 2
    # The platform log itself has grown by that, and is not anchored in itself.
    assert await job.anchor() == 0
    await audit.intake.take(audit.records(4))
    assert await job.anchor() == 1
    await audit.deliver(sent)
    assert (await audit.anchors.prove(LOG, size=0)).checkpoint.size == 7
    assert (await audit.anchors.prove(LOG, size=6)).checkpoint.size == 3
    for size in (1 << 31, (1 << 63) - 1, (1 << 64) - 1):
        assert (await audit.anchors.prove(LOG, size=size)).checkpoint.size == 7
    with pytest.raises(AnchorNotFound):
        await audit.anchors.prove(LOG, size=2)


async def test_the_platform_log_says_nothing_of_the_logs(audit: AuditOnPostgres, job: AnchorGrownLogs) -> None:
    await audit.intake.take(audit.records(3))
    await job.anchor()
    await audit.deliver()
    (leaf,) = await audit.leaves(PLATFORM)
    parsed = parse_leaf(leaf)
    assert (parsed.action, parsed.source, parsed.actor_kind) == ("log.anchored", "audit", "service")
    assert (parsed.target_kind, parsed.target_id, parsed.actor_id, parsed.commitments) == ("", "", None, {})
    assert list(parsed.details) == ["head"]
    assert LOG.bytes not in leaf
    # The same head blinded anew is another hash.
    checkpoint = audit.opened((await audit.proving.checkpoint(LOG)).note)
    assert log_head(bytes(16), checkpoint).hex() != parsed.details["head"]


async def test_processes_that_anchor_at_once_send_each_head_once(audit: AuditOnPostgres, job: AnchorGrownLogs) -> None:
    for _ in range(3):
        await audit.intake.take([*audit.records(2), *audit.records(2, log=OTHER_LOG)])
        racing = await asyncio.gather(*(job.anchor() for _ in range(4)), audit.intake.take(audit.records(1)))
        assert sum(sent or 0 for sent in racing) >= 2
        await job.anchor()
    await audit.deliver()
    async with audit.units.begin([LOG]) as work:
        anchors = await work.anchors.newest(LOG, at_most=0, limit=100)
    assert len({anchor.size for anchor in anchors}) == len(anchors)
    assert anchors[0].size == await audit.size()


async def test_an_anchor_shows_a_prefix_of_what_came_later(audit: AuditOnPostgres, job: AnchorGrownLogs) -> None:
    await audit.intake.take(audit.records(3))
    await job.anchor()
    await audit.intake.take(audit.records(2, log=OTHER_LOG))
    await job.anchor()
    await audit.deliver()
    await audit.intake.take(audit.records(2))
    checkpoint = audit.opened((await audit.proving.checkpoint(LOG)).note)
    anchor = await anchor_of(audit)
    platform = verify_anchor(anchor, [SIGNER.key], checkpoint=checkpoint)
    assert (platform.size, platform.origin.rpartition("/")[2]) == (2, str(PLATFORM))

    others = (await audit.leaves(PLATFORM))[1 - anchor.index]
    for wrong in (
        replace(anchor, nonce=bytes(16)),
        replace(anchor, nonce=anchor.nonce[1:]),
        replace(anchor, leaf=others),
        replace(anchor, leaf=others, index=1 - anchor.index),
        replace(anchor, inclusion=[]),
        replace(anchor, consistency=[]),
        replace(anchor, checkpoint=(await audit.proving.checkpoint(OTHER_LOG)).note),
        replace(anchor, platform_checkpoint=anchor.checkpoint),
        replace(anchor, platform_checkpoint=anchor.platform_checkpoint.replace("\n2\n", "\n3\n")),
    ):
        with pytest.raises(AnchorInvalid):
            verify_anchor(wrong, [SIGNER.key], checkpoint=checkpoint)


async def test_an_entry_of_a_workspace_is_no_anchor(audit: AuditOnPostgres, job: AnchorGrownLogs) -> None:
    """Whoever could write the detail into a log of their own could else show a platform log of their own."""
    await audit.intake.take(audit.records(3))
    await job.anchor()
    await audit.deliver()
    anchor = await anchor_of(audit)
    head = parse_leaf(anchor.leaf).details["head"]
    await audit.intake.take([audit.record(audit.event(personal=(), details={"head": head}, log=PLATFORM))])
    proof = await audit.proving.inclusion(PLATFORM, 1, size=0)
    forged = replace(
        anchor,
        leaf=(await audit.leaves(PLATFORM))[1],
        index=1,
        inclusion=proof.hashes,
        platform_checkpoint=proof.checkpoint.note,
    )
    checkpoint = audit.opened((await audit.proving.checkpoint(LOG)).note)
    with pytest.raises(AnchorInvalid, match="no anchor"):
        verify_anchor(forged, [SIGNER.key], checkpoint=checkpoint)


@pytest.mark.parametrize("wanted", [EntryFilter(), EntryFilter(outcome="success")])
async def test_an_export_carries_its_anchor(audit: AuditOnPostgres, job: AnchorGrownLogs, wanted: EntryFilter) -> None:
    await audit.intake.take(audit.records(3))
    without = await exported(audit, wanted)
    assert without.verified
    assert (without.made["anchor"], without.platform) == (0, None)
    await job.anchor()
    await audit.deliver()
    await audit.intake.take(audit.records(1))
    report = await exported(audit, wanted)
    assert report.verified, report.findings
    assert report.made["anchor"] == 1
    assert report.platform is not None


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE checkpoint SET note = replace(note, E'\\n3\\n', E'\\n4\\n') WHERE log_id = '{log}'",
        "UPDATE checkpoint SET note = 'x' WHERE log_id = '{log}'",
        "INSERT INTO anchor SELECT log_id, size, gen_random_uuid(), substring(sha256('x') FOR 16), now()"
        " FROM checkpoint WHERE log_id = '{log}'",
    ],
)
async def test_damage_to_one_log_keeps_no_other_from_the_platform_log(
    audit: AuditOnPostgres, job: AnchorGrownLogs, damage: str
) -> None:
    await audit.intake.take([*audit.records(3), *audit.records(2, log=OTHER_LOG)])
    administrator = await asyncpg.connect(audit.service_database.administrator)
    await administrator.execute(damage.format(log=LOG))
    await administrator.close()
    assert await job.anchor() == 1
    await audit.deliver()
    assert (await audit.anchors.prove(OTHER_LOG, size=0)).checkpoint.size == 2
    with pytest.raises(AnchorNotFound):
        await audit.anchors.prove(LOG, size=0)


async def test_logs_are_sent_in_no_order_of_theirs(
    audit: AuditOnPostgres, job: AnchorGrownLogs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A place in the platform log would else tell how old a workspace is."""
    monkeypatch.setattr("services.audit.jobs.anchor._BATCH", 1)
    logs = [UUID(int=LOG.int + number) for number in range(16)]
    await audit.intake.take([audit.record(audit.event(log=log, personal=())) for log in logs])
    assert await job.anchor() == len(logs)
    administrator = await asyncpg.connect(audit.service_database.administrator)
    sent = [row["log_id"] for row in await administrator.fetch("SELECT log_id FROM anchor ORDER BY ctid")]
    await administrator.close()
    assert sorted(sent) == logs
    assert sent != logs


async def test_the_job_goes_on_by_itself(audit: AuditOnPostgres, job: AnchorGrownLogs) -> None:
    running = asyncio.create_task(job.run())
    await audit.intake.take(audit.records(1))

    async def sent() -> bool:
        return "log.anchored" in [action for action, _ in await audit.outbox()]

    await eventually(sent)
    running.cancel()
