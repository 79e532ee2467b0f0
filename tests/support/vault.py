"""A vault of a few lines, for whoever is a client of identity's."""

import asyncio
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import grpc

from libs.crypto.derivation import derive_reader_keys
from libs.crypto.hpke import ReaderPrivateKey
from wardenry.events.v1 import envelope_pb2
from wardenry.identity.v1 import vault_pb2, vault_pb2_grpc

#: Whose key it destroyed before anybody asked.
GONE = UUID(int=3)


@dataclass
class SmallVault(vault_pb2_grpc.VaultServiceServicer):
    """Derives each key from its owner's name; remembers the size of every batch and whom it was asked to forget."""

    batches: list[int] = field(default_factory=list)
    destroyed: set[bytes] = field(default_factory=lambda: {GONE.bytes})
    adopted: list[str] = field(default_factory=list)
    status: grpc.StatusCode | None = None
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    answer_after: asyncio.Event | None = None

    async def _counted(self, size: int, context: Any) -> None:
        self.batches.append(size)
        self.asked.set()
        if self.answer_after:
            await self.answer_after.wait()
        if self.status:
            await context.abort(self.status, "no")

    async def EnsurePublicKeys(
        self, request: vault_pb2.EnsurePublicKeysRequest, context: Any
    ) -> vault_pb2.EnsurePublicKeysResponse:
        await self._counted(len(request.owners), context)
        return vault_pb2.EnsurePublicKeysResponse(keys=[self._public(request.reader, o) for o in request.owners])

    async def GetReaderKeys(
        self, request: vault_pb2.GetReaderKeysRequest, context: Any
    ) -> vault_pb2.GetReaderKeysResponse:
        await self._counted(len(request.keys), context)
        return vault_pb2.GetReaderKeysResponse(keys=[self._reading(key) for key in request.keys])

    async def GetTagKeys(self, request: vault_pb2.GetTagKeysRequest, context: Any) -> vault_pb2.GetTagKeysResponse:
        await self._counted(len(request.periods), context)
        keys = [
            b"" if UUID(period.workspace_id).bytes in self.destroyed else period.month.encode().ljust(32, b".")
            for period in request.periods
        ]
        return vault_pb2.GetTagKeysResponse(keys=keys)

    async def AdoptInvitationKey(
        self, request: vault_pb2.AdoptInvitationKeyRequest, context: Any
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
