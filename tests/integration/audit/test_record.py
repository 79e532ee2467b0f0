"""What products record: once, of their own workspace, and nothing else."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from libs.events.client import Client
from services.audit.domain.errors import (
    ActionNotAllowed,
    KeysUnavailable,
    PersonErased,
    RecordExists,
    TimeOutOfRange,
)
from services.audit.domain.record import ProductRecord, Recorder
from tests.support.audit import ALICE, BOB, LOG, OTHER_LOG, SESSION, AuditOnPostgres
from wardenry.events.v1 import envelope_pb2
from wardenry.log.leaf import parse_leaf

RECORDER = Recorder(service="records", workspace=LOG, subject=ALICE, session=SESSION)
EVENT = UUID("01900000-0000-7000-8000-0000000000e0")
CREATED = ProductRecord(
    event_id=EVENT,
    action="record.created",
    kind="invoice",
    id="INV-1",
    occurred_at=None,
    details={"amount": "12"},
    client=Client(address="203.0.113.9", agent="curl/8"),
)


async def test_a_record_goes_into_the_outbox_and_its_values_are_sealed(audit: AuditOnPostgres) -> None:
    await audit.recording.record(CREATED, RECORDER)
    ((action, data),) = await audit.outbox()
    envelope = envelope_pb2.Envelope.FromString(data)
    leaf = parse_leaf(envelope.leaf)
    assert action == "record.created"
    assert (leaf.source, leaf.log, leaf.event_id) == ("audit", LOG, EVENT)
    assert (leaf.actor_id, leaf.session_id, leaf.client) == (ALICE, SESSION, "records")
    assert (leaf.target_kind, leaf.target_id) == ("invoice", "INV-1")
    assert leaf.details == {"amount": "12"}
    assert set(leaf.commitments) == {("actor", "ip_address"), ("actor", "user_agent")}
    assert envelope.tags.network
    assert b"203.0.113.9" not in data
    assert b"curl" not in data


async def test_repeating_is_harmless_and_something_else_is_refused(audit: AuditOnPostgres) -> None:
    await audit.recording.record(CREATED, RECORDER)
    await audit.recording.record(CREATED, RECORDER)
    others = [
        (replace(CREATED, action="record.updated"), RECORDER),
        (replace(CREATED, id="INV-2"), RECORDER),
        (replace(CREATED, details={}), RECORDER),
        (replace(CREATED, client=replace(CREATED.client, agent="")), RECORDER),
        (replace(CREATED, occurred_at=audit.clock.now()), RECORDER),
        (CREATED, replace(RECORDER, subject=BOB)),
        (CREATED, replace(RECORDER, service="billing")),
    ]
    for record, recorder in others:
        with pytest.raises(RecordExists):
            await audit.recording.record(record, recorder)
    assert len(await audit.outbox()) == 1


async def test_the_same_id_is_free_in_another_workspace(audit: AuditOnPostgres) -> None:
    await audit.recording.record(CREATED, RECORDER)
    await audit.recording.record(CREATED, replace(RECORDER, workspace=OTHER_LOG))
    assert len(await audit.outbox()) == 2


async def test_twenty_at_once_are_one(audit: AuditOnPostgres) -> None:
    await asyncio.gather(*(audit.recording.record(CREATED, RECORDER) for _ in range(20)))
    assert len(await audit.outbox()) == 1


async def test_an_id_that_the_log_holds_already_is_refused(audit: AuditOnPostgres) -> None:
    """Else the intake would set the acknowledged record aside."""
    await audit.intake.take([audit.record(audit.event(event_id=EVENT))])
    with pytest.raises(RecordExists):
        await audit.recording.record(CREATED, RECORDER)
    assert not await audit.outbox()


async def test_only_records_are_recorded(audit: AuditOnPostgres) -> None:
    for action in ("user.login", "record.exploded", "record", "record.created.twice", "export.requested"):
        with pytest.raises(ActionNotAllowed):
            await audit.recording.record(replace(CREATED, action=action), RECORDER)
    for action in ("record.updated", "record.deleted"):
        await audit.recording.record(replace(CREATED, action=action, event_id=audit.ids.uuid7()), RECORDER)


async def test_times_are_of_the_last_day(audit: AuditOnPostgres) -> None:
    now = audit.clock.now()
    for wrong in (now + timedelta(minutes=1), now - timedelta(days=1, seconds=1)):
        with pytest.raises(TimeOutOfRange):
            await audit.recording.record(replace(CREATED, occurred_at=wrong), RECORDER)
    await audit.recording.record(replace(CREATED, occurred_at=now - timedelta(hours=23)), RECORDER)
    ((_, data),) = await audit.outbox()
    assert parse_leaf(envelope_pb2.Envelope.FromString(data).leaf).occurred == now - timedelta(hours=23)


async def test_nothing_is_acknowledged_that_cannot_be_sealed(audit: AuditOnPostgres) -> None:
    audit.vault.down = True
    with pytest.raises(KeysUnavailable):
        await audit.recording.record(CREATED, RECORDER)
    audit.vault.down = False
    audit.vault.destroy(ALICE)
    with pytest.raises(PersonErased):
        await audit.recording.record(CREATED, RECORDER)
    assert not await audit.outbox()


async def test_a_recorded_event_becomes_an_entry(audit: AuditOnPostgres) -> None:
    await audit.recording.record(CREATED, RECORDER)
    assert await audit.deliver() == 1
    assert await audit.size() == 1
