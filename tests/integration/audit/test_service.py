"""The service as it runs: over gRPC with mutual TLS, fed by a real broker."""

import io
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from libs.ids import PLATFORM, SystemEntropy, Uuid7Ids
from libs.rpc.channel import as_user
from tests.support.audit import ALICE, LOG, ORIGIN, OTHER_LOG, SIGNER, AuditOnPostgres
from tests.support.audit_service import AuditService, audit_service
from tests.support.broker import BrokerForTests
from tests.support.events import eventually
from tests.support.mutual_tls import CertificatesForTests
from tests.support.tokens import access_token
from wardenry.audit.v1 import entry_pb2, log_pb2, log_pb2_grpc, record_pb2
from wardenry.clock import SystemClock
from wardenry.errors.error import (
    AlreadyExists,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    Unauthenticated,
)
from wardenry.errors.v1 import reason_pb2
from wardenry.events.v1 import cursor_pb2, cursor_pb2_grpc
from wardenry.log.checkpoint import open_checkpoint
from wardenry.log.note import VerifierKey
from wardenry.log.tree import verify_inclusion
from wardenry.log.verification import verify_export
from wardenry.permissions import Role

GATEWAY = (("wardenry-client-address", "198.51.100.4"), ("wardenry-client-agent", "Mozilla/5.0 (test)"))


@pytest.fixture
async def service(
    audit: AuditOnPostgres, broker: BrokerForTests, certificates: CertificatesForTests, tmp_path: Path
) -> AsyncIterator[AuditService]:
    async with audit_service(
        database=audit.service_database, bootstrap=broker.bootstrap, directory=tmp_path, certificates=certificates
    ) as service:
        known = service.tokens.known
        known["owner"] = access_token(subject=ALICE, workspace=LOG)
        known["member"] = access_token(subject=ALICE, workspace=LOG, role=Role.MEMBER)
        known["stranger"] = access_token(subject=ALICE, workspace=OTHER_LOG)
        known["nowhere"] = access_token(subject=ALICE, workspace=None, role=None, membership_epoch=None)
        known["product"] = access_token(subject=ALICE, workspace=LOG, role=Role.MEMBER, audience=("records",))
        yield service


def request(**changes: object) -> record_pb2.RecordRequest:
    ids = Uuid7Ids(clock=SystemClock(), entropy=SystemEntropy())
    fields = {
        "event_id": str(ids.uuid7()),
        "action": "record.created",
        "record_kind": "invoice",
        "record_id": "INV-1",
        "details": {"amount": "12"},
        "client_address": "203.0.113.9",
        "client_agent": "curl/8",
    }
    return record_pb2.RecordRequest(**fields | changes)  # type: ignore[arg-type] # fields by name


async def test_from_a_products_call_to_a_proved_entry(service: AuditService) -> None:
    records = await service.records()
    first = request()
    for _ in range(2):
        await records.Record(first, metadata=as_user("product"))
    await records.Record(request(action="record.deleted"), metadata=as_user("product"))

    async def arrived() -> bool:
        return len(await service.listed("owner")) == 2

    await eventually(arrived)
    newest, oldest = await service.listed("owner")
    assert (newest.action, oldest.action) == ("record.deleted", "record.created")
    assert (newest.index, oldest.index) == (1, 0)
    assert oldest.event_id == first.event_id
    assert (oldest.actor_id, oldest.client, oldest.target_kind, oldest.target_id) == (
        str(ALICE),
        "records",
        "invoice",
        "INV-1",
    )
    assert {value.field: value.value for value in oldest.values} == {
        "ip_address": "203.0.113.9",
        "user_agent": "curl/8",
    }

    log = await service.log()
    (key,) = (await log.GetVerifierKeys(log_pb2.GetVerifierKeysRequest())).keys
    verifier = VerifierKey.parse(key)
    assert verifier.name == ORIGIN

    async def under_a_checkpoint() -> bool:  # an entry is there before the segment that its checkpoint waits for
        answer = await log.GetCheckpoint(log_pb2.GetCheckpointRequest(), metadata=as_user("owner"))
        return open_checkpoint(answer.checkpoint, [verifier]).size == 2

    await eventually(under_a_checkpoint)
    proof = await log.GetInclusionProof(log_pb2.GetInclusionProofRequest(index=1), metadata=as_user("owner"))
    consistency = await log.GetConsistencyProof(
        log_pb2.GetConsistencyProofRequest(first_size=1), metadata=as_user("owner")
    )
    assert (consistency.first_size, consistency.second_size) == (1, 2)
    data = await exported(service, "owner")
    report = verify_export(io.BytesIO(data), [verifier])
    assert report.verified, report.findings
    assert report.entries == 2
    assert report.checkpoint is not None
    verify_inclusion(leaf=proof.leaf_hash, index=1, size=2, proof=list(proof.hashes), root=report.checkpoint.root)

    async def export_recorded() -> bool:
        return (await service.listed("owner"))[0].action == "export.requested"

    await eventually(export_recorded)
    entry = (await service.listed("owner"))[0]
    assert entry.details["format"] == "json_lines"
    assert {value.field: value.value for value in entry.values} == {
        "ip_address": "198.51.100.4",
        "user_agent": "Mozilla/5.0 (test)",
    }


async def test_who_may_have_tiles(service: AuditService, audit: AuditOnPostgres) -> None:
    await audit.intake.take(audit.records(2))
    await audit.intake.take([audit.record(audit.event(personal=(), log=PLATFORM))])
    log = await service.log()
    wanted = log_pb2.GetTileRequest(width=2)
    assert len((await log.GetTile(wanted, metadata=as_user("owner"))).tile) == 64
    wanted.entries = True
    assert len((await log.GetTile(wanted, metadata=as_user("owner"))).tile) > 64
    for token, error in (("stranger", NotFound), ("member", PermissionDenied), ("", Unauthenticated)):
        with pytest.raises(error):
            await log.GetTile(wanted, metadata=as_user(token))
    wanted.level = 1
    with pytest.raises(NotFound):
        await log.GetTile(wanted, metadata=as_user("owner"))
    with pytest.raises(NotFound):
        await log.GetAnchor(log_pb2.GetAnchorRequest(), metadata=as_user("owner"))
    platform = log_pb2_grpc.PlatformLogServiceStub(await service.channel())
    assert len((await platform.GetPlatformTile(log_pb2.GetPlatformTileRequest(width=1))).tile) == 32
    answer = await platform.GetPlatformCheckpoint(log_pb2.GetPlatformCheckpointRequest())
    checkpoint = open_checkpoint(answer.checkpoint, [SIGNER.key])
    assert (checkpoint.origin, checkpoint.size) == (f"{ORIGIN}/{PLATFORM}", 1)
    operators = log_pb2_grpc.PlatformLogServiceStub(await service.channel("operator"))
    assert await operators.GetPlatformCheckpoint(log_pb2.GetPlatformCheckpointRequest()) == answer
    assert answer.HasField("signed_at")
    with pytest.raises(PermissionDenied):
        await operators.GetPlatformTile(log_pb2.GetPlatformTileRequest(width=1))


async def test_a_tile_of_the_largest_entries_is_an_answer_too(service: AuditService, audit: AuditOnPostgres) -> None:
    largest = audit.largest()
    events = [replace(largest, event_id=audit.ids.uuid7()) for _ in range(256)]
    await audit.intake.take([audit.record(event) for event in events])
    log = await service.log()
    wanted = log_pb2.GetTileRequest(width=256, entries=True)
    assert len((await log.GetTile(wanted, metadata=as_user("owner"), timeout=30)).tile) == 256 * (2 + 65_535)
    wanted = log_pb2.GetTileRequest(width=256)
    assert len((await log.GetTile(wanted, metadata=as_user("owner"))).tile) == 256 * 32


async def exported(service: AuditService, token: str, **fields: object) -> bytes:
    stub = await service.entries()
    asked = entry_pb2.ExportEntriesRequest(**fields)  # type: ignore[arg-type] # fields by name
    parts = stub.ExportEntries(asked, metadata=(*as_user(token), *GATEWAY))
    return b"".join([part.chunk async for part in parts])


async def test_a_broker_that_forgets_all_loses_nothing(service: AuditService, broker: BrokerForTests) -> None:
    records = await service.records()
    await records.Record(request(), metadata=as_user("product"))

    async def arrived(count: int) -> bool:
        return len(await service.listed("owner")) == count

    await eventually(lambda: arrived(1))
    broker.stop()
    await records.Record(request(), metadata=as_user("product"))
    broker.start()
    await records.Record(request(), metadata=as_user("product"))
    await eventually(lambda: arrived(3), seconds=60)
    assert [entry.index for entry in await service.listed("owner")] == [2, 1, 0]


async def test_forged_and_false_records_are_parked_and_the_log_goes_on(
    service: AuditService, audit: AuditOnPostgres
) -> None:
    forged, honest = audit.records(1)[0], audit.record(audit.event(personal=()))
    await service.publish(forged, key=bytes(32))

    async def parked() -> bool:
        return [reason for reason, _ in await audit.parked()] == ["forged"]

    await eventually(parked)
    assert await service.listed("owner") == []
    await service.publish(forged, honest)

    async def arrived() -> bool:
        return len(await service.listed("owner")) == 2

    await eventually(arrived)
    other = audit.record(audit.event(personal=()), position=forged.position)
    await service.publish(other)

    async def conflicted() -> bool:
        return [reason for reason, _ in await audit.parked()] == ["forged", "conflict"]

    await eventually(conflicted)
    assert len(await service.listed("owner")) == 2


async def test_who_may_read(service: AuditService, audit: AuditOnPostgres) -> None:
    await audit.intake.take([audit.record(audit.event(personal=()))])

    async def reads() -> bool:
        return len(await service.listed("owner")) == 1

    await eventually(reads)
    assert await service.listed("stranger") == []
    log = await service.log()
    with pytest.raises(NotFound):
        await log.GetInclusionProof(log_pb2.GetInclusionProofRequest(index=0), metadata=as_user("stranger"))
    report = verify_export(io.BytesIO(await exported(service, "stranger")), [audit.signer.signer.key])
    assert report.verified
    assert report.entries == 0
    for token, error in (("nowhere", PermissionDenied), ("product", Unauthenticated), ("", Unauthenticated)):
        with pytest.raises(error):
            await service.listed(token)
    with pytest.raises(PermissionDenied) as denied:
        await service.listed("member")
    assert denied.value.metadata == {"permission": "audit.read"}
    with pytest.raises(PermissionDenied):
        await exported(service, "member")
    with pytest.raises(PermissionDenied) as wrong_peer:
        await (await service.entries("records")).ListEntries(entry_pb2.ListEntriesRequest(), metadata=as_user("owner"))
    assert wrong_peer.value.reason == reason_pb2.REASON_PEER_NOT_ALLOWED

    async def told() -> bool:
        return [entry.action for entry in await service.listed("owner")].count("permission.denied") == 2

    await eventually(told)
    denial = (await service.listed("owner"))[0]
    assert denial.outcome == "failure"
    assert denial.details == {
        "permission": "audit.export",
        "rpc": "wardenry.audit.v1.EntryService/ExportEntries",
    }


async def test_who_may_record_and_what(service: AuditService) -> None:
    records = await service.records()
    await records.Record(first := request(), metadata=as_user("product"))
    changed = request(event_id=first.event_id, record_id="INV-2")
    with pytest.raises(AlreadyExists):
        await records.Record(changed, metadata=as_user("product"))
    with pytest.raises(InvalidArgument) as refused:
        await records.Record(request(action="user.login"), metadata=as_user("product"))
    assert refused.value.reason == reason_pb2.REASON_ACTION_NOT_ALLOWED
    too_much = {f"key{number}": "Ω" * 1024 for number in range(32)}
    for wrong in (
        request(event_id="x"),
        request(record_kind="In voice"),
        request(client_address="localhost"),
        request(details=too_much),
        request(occurred_at={"seconds": 1}),
        request(occurred_at={"seconds": -(1 << 62)}),
    ):
        with pytest.raises(InvalidArgument):
            await records.Record(wrong, metadata=as_user("product"))
    with pytest.raises(Unauthenticated):
        await records.Record(request(), metadata=as_user("owner"))
    other = await service.records("billing")
    with pytest.raises(Unauthenticated):
        await other.Record(request(), metadata=as_user("product"))


async def test_bad_questions_are_refused(service: AuditService) -> None:
    for wrong in (
        {"page_token": "AAAA"},
        {"page_size": 201},
        {"filter": {"subject_id": "x"}},
        {"filter": {"outcome": "maybe"}},
        {"filter": {"occurred_from": {"seconds": 1 << 60}}},
    ):
        with pytest.raises(InvalidArgument):
            await service.listed("owner", **wrong)


async def test_a_source_sees_its_own_cursors_alone(service: AuditService, audit: AuditOnPostgres) -> None:
    await service.publish(*audit.records(3))
    stub = cursor_pb2_grpc.CursorServiceStub(await service.channel("tenancy"))

    async def moved() -> bool:
        answer = await stub.ListCursors(cursor_pb2.ListCursorsRequest(source="tenancy"))
        return [cursor.next for cursor in answer.cursors] == [3]

    await eventually(moved)
    with pytest.raises(PermissionDenied):
        await stub.ListCursors(cursor_pb2.ListCursorsRequest(source="identity"))
