"""The client against a vault of a few lines, over real gRPC."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from uuid import UUID

import grpc
import grpc.aio
import pytest
import pytest_asyncio

from libs.crypto.derivation import derive_reader_keys
from libs.crypto.errors import KeyDestroyed
from libs.crypto.hpke import ReaderPrivateKey, open_with, seal_to
from libs.crypto.key_owner import Destroyed, InvitationOwner, KeyOwner, KeyReference, SubjectOwner, VisitorOwner
from libs.crypto.vault import ReadingKeys, VaultClient, VaultUnavailable
from tests.support.clock import HeldClock
from wardenry.events.v1 import envelope_pb2
from wardenry.identity.v1 import vault_pb2, vault_pb2_grpc

WORKSPACE, SUBJECT, GONE = UUID(int=1), UUID(int=2), UUID(int=3)
DAY = date(2026, 11, 22)


@dataclass
class SmallVault(vault_pb2_grpc.VaultServiceServicer):
    """Derives each key from its owner's name; remembers the size of every batch and whom it was asked to forget."""

    batches: list[int] = field(default_factory=list)
    destroyed: set[bytes] = field(default_factory=lambda: {GONE.bytes})
    adopted: list[str] = field(default_factory=list)
    status: grpc.StatusCode | None = None
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    answer_after: asyncio.Event | None = None

    async def _counted(self, size: int, context: grpc.aio.ServicerContext[object, object]) -> None:
        self.batches.append(size)
        self.asked.set()
        if self.answer_after:
            await self.answer_after.wait()
        if self.status:
            await context.abort(self.status, "no")

    async def EnsurePublicKeys(  # noqa: N802 - the contract's name
        self,
        request: vault_pb2.EnsurePublicKeysRequest,
        context: grpc.aio.ServicerContext[object, object],
    ) -> vault_pb2.EnsurePublicKeysResponse:
        await self._counted(len(request.owners), context)
        return vault_pb2.EnsurePublicKeysResponse(keys=[self._public(request.reader, o) for o in request.owners])

    async def GetReaderKeys(  # noqa: N802
        self, request: vault_pb2.GetReaderKeysRequest, context: grpc.aio.ServicerContext[object, object]
    ) -> vault_pb2.GetReaderKeysResponse:
        await self._counted(len(request.keys), context)
        return vault_pb2.GetReaderKeysResponse(keys=[self._reading(key) for key in request.keys])

    async def GetTagKeys(  # noqa: N802
        self, request: vault_pb2.GetTagKeysRequest, context: grpc.aio.ServicerContext[object, object]
    ) -> vault_pb2.GetTagKeysResponse:
        await self._counted(len(request.periods), context)
        keys = [
            b"" if UUID(period.workspace_id).bytes in self.destroyed else period.month.encode().ljust(32, b".")
            for period in request.periods
        ]
        return vault_pb2.GetTagKeysResponse(keys=keys)

    async def AdoptInvitationKey(  # noqa: N802
        self, request: vault_pb2.AdoptInvitationKeyRequest, context: grpc.aio.ServicerContext[object, object]
    ) -> vault_pb2.AdoptInvitationKeyResponse:
        await self._counted(1, context)
        self.adopted.append(request.invitation_id)
        return vault_pb2.AdoptInvitationKeyResponse()

    def _public(self, reader: str, owner: vault_pb2.KeyOwner) -> vault_pb2.ReaderPublicKey:
        name = owner.subject.subject_id or owner.invitation.invitation_id or owner.visitor.log_id
        key_id = UUID(name).bytes
        reference = envelope_pb2.KeyReference(key=key_id, version=1)
        if key_id in self.destroyed:
            return vault_pb2.ReaderPublicKey(key=reference, destroyed=True)
        private = derive_reader_keys(key_id * 2, reader, "test").hpke_private
        pair = ReaderPrivateKey(key_id=UUID(bytes=key_id), version=1, private=private)
        return vault_pb2.ReaderPublicKey(key=reference, public_key=pair.public_key().public)

    def _reading(self, reference: envelope_pb2.KeyReference) -> vault_pb2.ReaderKeys:
        if reference.key in self.destroyed:
            return vault_pb2.ReaderKeys(key=reference, destroyed=True)
        keys = derive_reader_keys(reference.key * 2, "audit", "test")
        return vault_pb2.ReaderKeys(key=reference, symmetric_key=keys.symmetric, private_key=keys.hpke_private)


@dataclass
class Running:
    vault: SmallVault
    client: VaultClient
    clock: HeldClock


@pytest_asyncio.fixture
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    server = grpc.aio.server()
    vault = SmallVault()
    vault_pb2_grpc.add_VaultServiceServicer_to_server(vault, server)
    # A socket's path has at most 107 bytes.
    address = f"unix:{Path(tmp_path_factory.mktemp('v')) / 's'}"
    server.add_insecure_port(address)
    await server.start()
    clock = HeldClock()
    async with grpc.aio.insecure_channel(address) as channel:
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
    (keys,) = await running.client.reader_keys([KeyReference(key_id=public.key_id, version=public.version)])
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
        await running.client.visitor_key(WORKSPACE, DAY)
    await running.client.visitor_key(WORKSPACE, date(2026, 11, 23))
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
    with pytest.raises(KeyDestroyed):
        await running.client.visitor_key(GONE, DAY)


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
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await running.client.visitor_key(WORKSPACE, DAY)
    assert raised.value.code() == grpc.StatusCode.PERMISSION_DENIED
