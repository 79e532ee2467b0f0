"""The client against a vault of a few lines, over a channel as services have it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import grpc
import pytest

from libs.crypto.errors import KeyDestroyed
from libs.crypto.hpke import open_with, seal_to
from libs.crypto.key_owner import Destroyed, InvitationOwner, KeyOwner, KeyReference, SubjectOwner, VisitorOwner
from libs.crypto.vault import ReadingKeys, VaultClient, VaultUnavailable
from libs.rpc.channel import open_channel
from libs.telemetry.observer import SILENT
from tests.support.clock import HeldClock
from tests.support.mutual_tls import CertificatesForTests
from tests.support.vault import GONE, SmallVault
from wardenry.errors.error import PermissionDenied
from wardenry.identity.v1 import vault_pb2_grpc

WORKSPACE, SUBJECT = UUID(int=1), UUID(int=2)
DAY = date(2026, 11, 22)


@dataclass
class Running:
    vault: SmallVault
    client: VaultClient
    clock: HeldClock


@pytest.fixture
async def running(certificates: CertificatesForTests) -> AsyncIterator[Running]:
    server = grpc.aio.server()
    vault = SmallVault()
    vault_pb2_grpc.add_VaultServiceServicer_to_server(vault, server)
    port = server.add_secure_port("127.0.0.1:0", certificates.of("identity").server_credentials())
    await server.start()
    clock = HeldClock()
    async with open_channel(
        target=f"127.0.0.1:{port}", peer="identity", tls=certificates.of("audit"), observer=SILENT
    ) as channel:
        client = VaultClient(
            stub=vault_pb2_grpc.VaultServiceStub(channel), clock=clock, timeout_seconds=5.0, cached=300
        )
        yield Running(vault, client, clock)
    await server.stop(None)


def reference(number: UUID = SUBJECT) -> KeyReference:
    return KeyReference(key_id=number, version=1)


async def test_a_reader_opens_what_was_sealed_to_its_public_key(running: Running) -> None:
    public = await running.client.public_key("audit", SubjectOwner(subject=SUBJECT, workspace=WORKSPACE))
    message = seal_to(public, info=b"i", aad=b"a", plaintext=b"192.0.2.7")
    (keys,) = await running.client.reader_keys([public.reference])
    assert isinstance(keys, ReadingKeys)
    assert open_with(keys.private, info=b"i", aad=b"a", message=message) == b"192.0.2.7"


async def test_public_keys_are_asked_for_once(running: Running) -> None:
    owners: list[KeyOwner] = [
        SubjectOwner(subject=SUBJECT, workspace=WORKSPACE),
        InvitationOwner(invitation=UUID(int=7), workspace=WORKSPACE),
    ]
    first = await running.client.ensure_public_keys("audit", owners)
    running.clock.advance(86_400)
    more = await running.client.ensure_public_keys("audit", [*owners, VisitorOwner(log=WORKSPACE, day=DAY)])
    assert more[:2] == first
    assert running.vault.batches == [2, 1]


async def test_each_reader_has_its_own_public_key(running: Running) -> None:
    owner = SubjectOwner(subject=SUBJECT, workspace=WORKSPACE)
    assert await running.client.public_key("audit", owner) != await running.client.public_key("session", owner)


async def test_a_visitor_key_serves_its_log_for_its_day(running: Running) -> None:
    for _ in range(3):
        await running.client.public_key("audit", VisitorOwner(log=WORKSPACE, day=DAY))
    await running.client.public_key("audit", VisitorOwner(log=WORKSPACE, day=date(2026, 11, 23)))
    assert running.vault.batches == [1, 1]


async def test_a_tag_key_serves_its_month(running: Running) -> None:
    november = await running.client.tag_key(WORKSPACE, DAY)
    assert await running.client.tag_key(WORKSPACE, date(2026, 11, 1)) == november
    assert await running.client.tag_key(WORKSPACE, date(2026, 12, 1)) != november
    assert running.vault.batches == [1, 1]


async def test_large_batches_are_divided_and_keep_their_order(running: Running) -> None:
    subjects = [UUID(int=100 + n) for n in range(450)]
    owners = [SubjectOwner(subject=subject, workspace=WORKSPACE) for subject in subjects]
    keys = await running.client.ensure_public_keys("audit", owners)
    assert [key.key_id for key in keys if not isinstance(key, Destroyed)] == subjects
    assert running.vault.batches == [200, 200, 50]
    references = [KeyReference(key_id=UUID(int=100 + n), version=1) for n in range(501)]
    reading = await running.client.reader_keys([*references, references[0]])
    assert [key.private.key_id for key in reading if isinstance(key, ReadingKeys)] == [
        r.key_id for r in [*references, references[0]]
    ]
    assert running.vault.batches[3:] == [500, 1]


async def test_a_destroyed_key_is_an_answer_in_a_batch(running: Running) -> None:
    owners = [SubjectOwner(subject=s, workspace=WORKSPACE) for s in (GONE, SUBJECT)]
    gone, there = await running.client.ensure_public_keys("audit", owners)
    assert gone == Destroyed()
    assert not isinstance(there, Destroyed)
    gone_keys, there_keys = await running.client.reader_keys([reference(GONE), reference(SUBJECT)])
    assert gone_keys == Destroyed()
    assert isinstance(there_keys, ReadingKeys)


async def test_a_destroyed_key_is_an_error_alone(running: Running) -> None:
    with pytest.raises(KeyDestroyed):
        await running.client.public_key("audit", SubjectOwner(subject=GONE, workspace=WORKSPACE))
    with pytest.raises(KeyDestroyed):
        await running.client.tag_key(GONE, DAY)


async def test_after_a_destruction_nothing_opens_for_longer_than_60_seconds(running: Running) -> None:
    await running.client.reader_keys([reference()])
    running.vault.destroyed.add(SUBJECT.bytes)
    running.clock.advance(59.9)
    assert isinstance((await running.client.reader_keys([reference()]))[0], ReadingKeys)
    running.clock.advance(0.1)
    assert await running.client.reader_keys([reference()]) == [Destroyed()]
    assert running.vault.batches == [1, 1]


async def test_the_60_seconds_count_from_before_the_vault_was_asked(running: Running) -> None:
    running.vault.answer_after = asyncio.Event()
    asked = asyncio.create_task(running.client.reader_keys([reference()]))
    await running.vault.asked.wait()
    running.clock.advance(30)
    running.vault.answer_after.set()
    await asked
    running.clock.advance(30)
    await running.client.reader_keys([reference()])
    assert running.vault.batches == [1, 1]


async def test_use_does_not_prolong_a_reading_key(running: Running) -> None:
    for _ in range(5):
        await running.client.reader_keys([reference()])
        running.clock.advance(20)
    assert running.vault.batches == [1, 1]


async def test_the_caches_are_bounded(running: Running) -> None:
    owners = [SubjectOwner(subject=UUID(int=100 + n), workspace=WORKSPACE) for n in range(301)]
    await running.client.ensure_public_keys("audit", owners)
    await running.client.ensure_public_keys("audit", owners[1:])
    assert running.vault.batches == [200, 101]
    await running.client.ensure_public_keys("audit", owners[:1])
    assert running.vault.batches == [200, 101, 1]


async def test_an_invitations_key_is_adopted(running: Running) -> None:
    invitation = UUID(int=9)
    await running.client.adopt_invitation_key(invitation=invitation, workspace=WORKSPACE, subject=SUBJECT)
    assert running.vault.adopted == [str(invitation)]


@pytest.mark.parametrize("status", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED])
async def test_an_absent_vault_is_unavailable_and_remembered_keys_still_serve(
    running: Running, status: grpc.StatusCode
) -> None:
    known = await running.client.tag_key(WORKSPACE, DAY)
    running.vault.status = status
    with pytest.raises(VaultUnavailable):
        await running.client.reader_keys([reference()])
    assert await running.client.tag_key(WORKSPACE, DAY) == known


async def test_a_refusal_comes_through(running: Running) -> None:
    running.vault.status = grpc.StatusCode.PERMISSION_DENIED
    with pytest.raises(PermissionDenied):
        await running.client.tag_key(WORKSPACE, DAY)
