"""VaultService."""

from datetime import date
from typing import Any
from uuid import UUID

from libs.crypto.derivation import ReaderKeys
from libs.crypto.key_owner import Destroyed, InvitationOwner, KeyOwner, KeyReference, SubjectOwner, VisitorOwner
from libs.crypto.reader_key import ReaderPublicKey
from libs.rpc.call import call_of
from services.identity.commands.vault import (
    AdoptInvitationKey,
    DestroyKeys,
    EnsurePublicKeys,
    GetReaderKeys,
    GetTagKeys,
)
from wardenry.errors.error import InvalidArgument, PermissionDenied, Violation
from wardenry.events.v1 import envelope_pb2
from wardenry.identity.v1 import vault_pb2 as messages
from wardenry.identity.v1.vault_pb2_grpc import VaultServiceServicer
from wardenry.warrants import ERASURE, WarrantVerifier


class VaultHandlers(VaultServiceServicer):
    def __init__(
        self,
        *,
        ensure_public_keys: EnsurePublicKeys,
        get_reader_keys: GetReaderKeys,
        get_tag_keys: GetTagKeys,
        adopt_invitation_key: AdoptInvitationKey,
        destroy_keys: DestroyKeys,
        warrants: WarrantVerifier,
    ) -> None:
        self._ensure_public_keys = ensure_public_keys
        self._get_reader_keys = get_reader_keys
        self._get_tag_keys = get_tag_keys
        self._adopt_invitation_key = adopt_invitation_key
        self._destroy_keys = destroy_keys
        self._warrants = warrants

    async def EnsurePublicKeys(
        self, request: messages.EnsurePublicKeysRequest, context: Any
    ) -> messages.EnsurePublicKeysResponse:
        owners = [_owner(owner, position) for position, owner in enumerate(request.owners)]
        keys = await self._ensure_public_keys(request.reader, owners)
        return messages.EnsurePublicKeysResponse(keys=[public_key_message(key) for key in keys])

    async def GetReaderKeys(
        self, request: messages.GetReaderKeysRequest, context: Any
    ) -> messages.GetReaderKeysResponse:
        # Whoever asks gets its own: the reader is the name in the certificate, never a field.
        references = [KeyReference(key_id=UUID(bytes=key.key), version=key.version) for key in request.keys]
        keys = await self._get_reader_keys(call_of(context).peer, references)
        return messages.GetReaderKeysResponse(
            keys=[_reader_keys(reference, key) for reference, key in zip(request.keys, keys, strict=True)]
        )

    async def GetTagKeys(self, request: messages.GetTagKeysRequest, context: Any) -> messages.GetTagKeysResponse:
        keys = await self._get_tag_keys([(UUID(period.workspace_id), period.month) for period in request.periods])
        return messages.GetTagKeysResponse(keys=[b"" if isinstance(key, Destroyed) else key for key in keys])

    async def AdoptInvitationKey(
        self, request: messages.AdoptInvitationKeyRequest, context: Any
    ) -> messages.AdoptInvitationKeyResponse:
        await self._adopt_invitation_key(
            invitation_id=UUID(request.invitation_id),
            workspace_id=UUID(request.workspace_id),
            subject_id=UUID(request.subject_id),
        )
        return messages.AdoptInvitationKeyResponse()

    async def DestroyKeys(self, request: messages.DestroyKeysRequest, context: Any) -> messages.DestroyKeysResponse:
        if not request.subject_id:
            raise PermissionDenied("No warrant is made out for a workspace.")
        subject_id = UUID(request.subject_id)
        # The caller's certificate says who asks. That the person wants it, the person's warrant alone.
        await self._warrants.verify(request.warrant, subject=subject_id, right=ERASURE)
        destroyed = await self._destroy_keys(
            subject_id=subject_id,
            workspace_id=UUID(request.workspace_id) if request.workspace_id else None,
            peer=call_of(context).peer,
        )
        return messages.DestroyKeysResponse(destroyed=destroyed)


def public_key_message(key: ReaderPublicKey | Destroyed) -> messages.ReaderPublicKey:
    """A public key on the wire."""
    if isinstance(key, Destroyed):
        return messages.ReaderPublicKey(destroyed=True)
    reference = envelope_pb2.KeyReference(key=key.key_id.bytes, version=key.version)
    return messages.ReaderPublicKey(key=reference, public_key=key.public)


def _reader_keys(reference: envelope_pb2.KeyReference, keys: ReaderKeys | Destroyed) -> messages.ReaderKeys:
    if isinstance(keys, Destroyed):
        return messages.ReaderKeys(key=reference, destroyed=True)
    return messages.ReaderKeys(key=reference, symmetric_key=keys.symmetric, private_key=keys.hpke_private)


def _owner(owner: messages.KeyOwner, position: int) -> KeyOwner:
    match owner.WhichOneof("owner"):
        case "subject":
            return SubjectOwner(subject=UUID(owner.subject.subject_id), workspace=UUID(owner.subject.workspace_id))
        case "invitation":
            return InvitationOwner(
                invitation=UUID(owner.invitation.invitation_id), workspace=UUID(owner.invitation.workspace_id)
            )
        case _:
            return VisitorOwner(log=UUID(owner.visitor.log_id), day=_day(owner.visitor.day, position))


def _day(text: str, position: int) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        # The contract's pattern lets the 31st of February through.
        violation = Violation(f"owners[{position}].visitor.day", "must be a day of the calendar")
        raise InvalidArgument("A field is wrong.", violations=[violation]) from None
