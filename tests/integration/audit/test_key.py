"""A new key for the logs: what the old one signed is believed as far as it is in the platform log, and no further."""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from libs.db.errors import DatabaseUnavailable
from libs.db.pool import Database
from libs.events.caller import Caller
from libs.events.client import UNKNOWN
from libs.ids import PLATFORM
from services.audit.commands.export import ExportFormat
from services.audit.commands.key import PublishKeys, RenewKey
from services.audit.commands.segment import StoreSegments
from services.audit.domain.errors import KeyRefused, SigningPaused
from services.audit.domain.key import KEY_RETIRED
from services.audit.fsck.report import DAMAGED, HOLDS, UNCHECKED, FsckReport
from services.audit.fsck.store import Fsck
from services.audit.jobs.anchor import AnchorGrownLogs
from tests.support.audit import ALICE, LOG, ORIGIN, OTHER_LOG, SESSION, SIGNER, AuditOnPostgres
from tests.support.clock import HeldClock
from wardenry.log.anchor import Anchor
from wardenry.log.checkpoint import Checkpoint
from wardenry.log.filter import EntryFilter
from wardenry.log.keys import LogKeys, RetiredKey
from wardenry.log.note import NoteSigner, VerifierKey
from wardenry.log.verification import Report, verify_export

NEW = NoteSigner(name=ORIGIN, seed=bytes(range(64, 96)))
THIRD = NoteSigner(name=ORIGIN, seed=bytes(range(96, 128)))
NEW_LOG = UUID("01900000-0000-7000-8000-00000000000c")


@pytest.fixture
async def after(audit: AuditOnPostgres) -> AsyncIterator[AuditOnPostgres]:
    """The same audit, started with the new key."""
    async with started(audit, NEW) as after:
        yield after


@asynccontextmanager
async def started(audit: AuditOnPostgres, signer: NoteSigner) -> AsyncIterator[AuditOnPostgres]:
    """Another process of the same audit, with a key of its own, which is not settled."""
    other = AuditOnPostgres(service_database=audit.service_database, signer=signer)
    other.vault, other.objects = audit.vault, audit.objects
    other.segments = StoreSegments(units=other.units, objects=other.objects, clock=other.clock)
    other.intake = other.new_intake()
    await other.database.open()
    yield other
    await other.database.close()


def renewal(
    audit: AuditOnPostgres, jobs: Database, *, key: NoteSigner = NEW, retiring: VerifierKey | None = SIGNER.key
) -> RenewKey:
    anchoring = AnchorGrownLogs(jobs=jobs, anchoring=audit.anchoring, interval=timedelta(minutes=1), clock=audit.clock)
    return RenewKey(
        units=audit.units, key=key.key, retiring=retiring, anchor=anchoring.anchor, ids=audit.ids, clock=audit.clock
    )


async def exported(audit: AuditOnPostgres, log: UUID = LOG) -> bytes:
    caller = Caller(subject=ALICE, session=SESSION, client_id="gateway", client=UNKNOWN)
    parts = audit.exporting.export(caller, log, EntryFilter(), ExportFormat.JSON_LINES)
    return b"".join([part async for part in parts])


async def published(audit: AuditOnPostgres) -> LogKeys:
    return await PublishKeys(units=audit.units, key=audit.signer.signer.key).published()


def verified(data: bytes, keys: LogKeys, proof: Anchor | None = None) -> Report:
    return verify_export(io.BytesIO(data), keys.present, retired=keys.retired, proof=proof)


async def covering(audit: AuditOnPostgres, size: int) -> Anchor:
    proof, consistency = await audit.anchors.covering(LOG, size=size)
    return Anchor(
        nonce=proof.nonce,
        checkpoint=proof.checkpoint.note,
        consistency=consistency,
        leaf=proof.leaf,
        index=proof.inclusion.index,
        inclusion=proof.inclusion.hashes,
        platform_checkpoint=proof.inclusion.checkpoint.note,
    )


async def checked(audit: AuditOnPostgres, jobs: Database) -> FsckReport:
    return await Fsck(
        runtime=audit.database,
        jobs=jobs,
        objects=audit.objects,
        key=NEW.key,
        clock=audit.clock,
    ).check()


async def test_what_the_old_key_signed_stays_verifiable_and_what_it_signs_from_then_on_is_refused(
    audit: AuditOnPostgres, after: AuditOnPostgres, jobs: Database
) -> None:
    await audit.intake.take([*audit.records(3), *audit.records(2, log=OTHER_LOG)])
    old_export = await exported(audit)
    await renewal(after, jobs).settle()
    # Its end is on its way: nobody could prove anything yet.
    keys = await published(after)
    assert (keys.present, keys.retired) == ([NEW.key, SIGNER.key], [])
    assert [action for action, _ in await after.outbox()][1:] == ["log.anchored", "log.anchored", KEY_RETIRED]
    sent = await after.deliver()
    keys = await published(after)
    assert keys == LogKeys(present=[NEW.key], retired=[RetiredKey(SIGNER.key, 2)])

    # A log that has not grown since shows its last checkpoint of the old key, and the proof with it.
    quiet = await exported(after, OTHER_LOG)
    report = verified(quiet, keys)
    assert (report.verified, report.unchecked, report.retired) == (True, {}, keys.retired[0])
    refused = verified(quiet, LogKeys(present=[NEW.key]))
    assert refused.failed["checkpoint"]
    too_late = verified(quiet, LogKeys(present=[NEW.key], retired=[RetiredKey(SIGNER.key, 0)]))
    assert "its key was retired before it entered the platform log" in too_late.findings[0].text

    # An export from before, whose checkpoint had not entered when it was made, takes a proof of its own.
    report = verified(old_export, keys)
    assert (report.verified, report.findings) == (False, [])
    assert report.unchecked["checkpoint"] == (
        "its key was retired since, and nothing shows that it entered the platform log before: there is no proof of it"
    )
    report = verified(old_export, keys, await covering(after, 3))
    assert (report.findings, report.retired, set(report.unchecked)) == ([], keys.retired[0], {"signature"})

    # The log goes on under the new key: what the old one signed is the beginning of it.
    await after.intake.take(audit.records(4))
    report = verified(await exported(after), keys)
    assert (report.verified, report.unchecked, report.retired) == (True, {}, None)
    sent = await after.deliver(sent)
    assert (await checked(after, jobs)).exit_code == HOLDS

    # Whoever has stolen the old key and the database signs another head, and even gets it into the platform log.
    administrator = await asyncpg.connect(audit.service_database.administrator)
    async with after.units.begin([LOG]) as work:
        (head,) = await work.trees.heads([LOG])
    forged = SIGNER.sign(Checkpoint(origin=f"{ORIGIN}/{LOG}", size=head.size, root=head.root).text())
    await administrator.execute("DELETE FROM checkpoint WHERE log_id = $1 AND size = $2", LOG, head.size)
    await administrator.execute("INSERT INTO checkpoint VALUES ($1, $2, $3, now())", LOG, head.size, forged)
    await administrator.close()
    assert await after.anchoring.anchor([LOG]) == 1
    await after.deliver(sent)
    report = verified(await exported(after), keys)
    assert not report.verified
    assert "its key was retired before it entered the platform log" in report.findings[0].text
    found = await checked(after, jobs)
    assert found.exit_code == DAMAGED
    assert [finding.text for finding in found.findings] == [
        f"a retired key signed its head of size {head.size}, which entered the platform log too late"
    ]


async def test_the_platform_logs_own_checkpoint_of_a_retired_key_is_the_operators_assertion(
    audit: AuditOnPostgres, after: AuditOnPostgres, jobs: Database
) -> None:
    await audit.intake.take(audit.records(2, log=PLATFORM))
    old_export = await exported(audit, PLATFORM)
    await renewal(after, jobs).settle()
    await after.deliver()
    keys = await published(after)
    report = verified(old_export, keys)
    assert report.unchecked["checkpoint"].startswith("operator-asserted: ")
    assert verified(await exported(after, PLATFORM), keys).unchecked == {}


async def test_an_old_process_signs_nothing_any_more(
    audit: AuditOnPostgres, after: AuditOnPostgres, jobs: Database
) -> None:
    await audit.intake.take(audit.records(3))
    await renewal(after, jobs).settle()
    await audit.intake.take([*audit.records(1), *audit.records(1, log=NEW_LOG)])
    assert (await audit.checkpoints.newest(LOG)).size == 3
    with pytest.raises(SigningPaused):
        await audit.checkpoints.newest(NEW_LOG)
    for log, size in ((LOG, 4), (NEW_LOG, 1)):
        checkpoint = await after.checkpoints.newest(log)
        assert (checkpoint.size, NEW.key.name in checkpoint.note) == (size, True)
        assert LogKeys(present=[NEW.key]).opened(checkpoint.note)[1] is None


async def test_a_key_is_renewed_only_by_who_names_the_one_that_ends_and_never_comes_back(
    audit: AuditOnPostgres, after: AuditOnPostgres, jobs: Database
) -> None:
    await audit.intake.take(audit.records(1))
    for named in (None, NEW.key, THIRD.key):
        with pytest.raises(KeyRefused, match=str(SIGNER.key).replace("+", r"\+")):
            await renewal(after, jobs, retiring=named).settle()
    await audit.intake.take(audit.records(1))
    assert (await audit.checkpoints.newest(LOG)).size == 2
    await renewal(after, jobs).settle()
    await renewal(after, jobs).settle()
    with pytest.raises(KeyRefused, match="was retired"):
        await renewal(audit, jobs, key=SIGNER, retiring=NEW.key).settle()
    await renewal(after, jobs, key=THIRD, retiring=NEW.key).settle()
    async with started(audit, THIRD) as third:
        await third.deliver()
        assert await published(third) == LogKeys(
            present=[THIRD.key], retired=[RetiredKey(NEW.key, 2), RetiredKey(SIGNER.key, 1)]
        )


async def test_the_present_key_is_the_last_whatever_the_clocks_say(
    audit: AuditOnPostgres, after: AuditOnPostgres, jobs: Database
) -> None:
    await audit.intake.take(audit.records(1))
    after.clock = HeldClock(audit.clock.now() - timedelta(days=2))
    await renewal(after, jobs).settle()
    await renewal(after, jobs, retiring=None).settle()
    assert (await published(after)).present == [NEW.key, SIGNER.key]
    with pytest.raises(KeyRefused, match="was retired"):
        await renewal(audit, jobs, key=SIGNER, retiring=None).settle()


async def test_a_key_of_another_origin_is_refused_even_of_who_names_the_one_that_ends(
    audit: AuditOnPostgres, jobs: Database
) -> None:
    await audit.intake.take(audit.records(1))
    elsewhere = NoteSigner(name=f"other.{ORIGIN}", seed=bytes(range(64, 96)))
    with pytest.raises(KeyRefused, match="WARDENRY_AUDIT_LOG_ORIGIN"):
        await renewal(audit, jobs, key=elsewhere).settle()
    await audit.intake.take(audit.records(1))
    assert (await audit.checkpoints.newest(LOG)).size == 2


async def test_a_home_from_before_keys_were_noted_goes_on_with_its_own_and_no_other(
    audit: AuditOnPostgres, after: AuditOnPostgres, jobs: Database
) -> None:
    await audit.intake.take(audit.records(1, log=PLATFORM))
    administrator = await asyncpg.connect(audit.service_database.administrator)
    await administrator.execute("DELETE FROM checkpoint_key")
    with pytest.raises(KeyRefused, match="another key has signed"):
        await renewal(after, jobs, retiring=THIRD.key).settle()
    await renewal(audit, jobs, key=SIGNER, retiring=None).settle()
    await administrator.execute("DELETE FROM checkpoint_key")
    await administrator.close()
    await renewal(after, jobs).settle()
    assert (await published(after)).present == [NEW.key, SIGNER.key]


async def test_a_renewal_that_breaks_off_is_gone_on_with(
    audit: AuditOnPostgres, after: AuditOnPostgres, jobs: Database
) -> None:
    await audit.intake.take(audit.records(2))

    async def down() -> int:
        raise DatabaseUnavailable("away")

    broken = RenewKey(
        units=after.units, key=NEW.key, retiring=SIGNER.key, anchor=down, ids=after.ids, clock=after.clock
    )
    with pytest.raises(DatabaseUnavailable):
        await broken.settle()
    # Neither of them signs.
    await audit.intake.take(audit.records(1))
    for each in (audit, after):
        assert (await each.checkpoints.newest(LOG)).size == 2
    with pytest.raises(KeyRefused, match="has begun"):
        await renewal(audit, jobs, key=SIGNER, retiring=None).settle()
    await asyncio.gather(*(renewal(after, jobs).settle() for _ in range(3)))
    actions = [action for action, _ in await after.outbox()]
    assert (actions[:2], actions.count(KEY_RETIRED)) == (["log.anchored", KEY_RETIRED], 1)
    assert (await after.checkpoints.newest(LOG)).size == 3


async def test_a_key_that_nobody_retired_is_found_in_the_table(
    audit: AuditOnPostgres, after: AuditOnPostgres, jobs: Database
) -> None:
    await audit.intake.take(audit.records(1))
    await renewal(after, jobs).settle()
    report = await checked(after, jobs)
    assert (report.exit_code, report.unchecked) == (
        UNCHECKED,
        {"checkpoint": "the retirement of a key is on its way to the platform log"},
    )
    await after.deliver()
    assert (await checked(after, jobs)).exit_code == HOLDS
    administrator = await asyncpg.connect(audit.service_database.administrator)
    await administrator.execute(
        "INSERT INTO checkpoint_key SELECT $1, now() - interval '2 days', now() - interval '1 day', gen_random_uuid()",
        str(THIRD.key),
    )
    # None is on its way for ever that is said to end years from now.
    for ended in ("1 day ago", "10 years"):
        await administrator.execute(
            f"UPDATE checkpoint_key SET ended_at = now() + interval '{ended}' WHERE key = $1",
            str(THIRD.key),
        )
        report = await checked(after, jobs)
        assert [finding.text for finding in report.findings] == [
            f"nothing in the platform log says that {THIRD.key} was retired"
        ]
    # One that nothing is noted of could come back.
    await administrator.execute("DELETE FROM checkpoint_key WHERE key <> $1", str(NEW.key))
    await administrator.close()
    report = await checked(after, jobs)
    assert [finding.text for finding in report.findings] == [
        f"the platform log says that {SIGNER.key} was retired, and it is noted nowhere"
    ]
