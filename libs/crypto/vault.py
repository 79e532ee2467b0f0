"""The vault's client: keys that this service writes to and reads with."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Final, TypeVar
from uuid import UUID

from libs.crypto.errors import KeyDestroyed
from libs.crypto.hpke import ReaderPrivateKey
from libs.crypto.key_owner import Destroyed, InvitationOwner, KeyOwner, KeyReference, SubjectOwner, VisitorOwner
from libs.crypto.reader_key import ReaderPublicKey
from libs.recent import Recent
from wardenry.clock import Clock
from wardenry.errors.error import DeadlineExceeded, Unavailable
from wardenry.events.v1 import envelope_pb2
from wardenry.identity.v1 import vault_pb2

if TYPE_CHECKING:
    import grpc.aio

    # The typed stub exists for the type checker alone.
    from wardenry.identity.v1.vault_pb2_grpc import VaultServiceAsyncStub

#: How long a destroyed key may still open what it sealed, in seconds: no longer, whoever has it in memory.
READER_KEY_SECONDS: Final = 60.0
#: Largest batches of the vault's contract.
_OWNERS_PER_CALL = 200
_REFERENCES_PER_CALL = 500
_CACHED = 10_000

_Request = TypeVar("_Request")
_Response = TypeVar("_Response")


class VaultUnavailable(Exception):
    """The vault did not answer in time. Nothing was sealed or opened; trying again is safe."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingKeys:
    """What this service derives from one data key, for itself."""

    #: AES-256 key for what it writes and reads itself.
    symmetric: bytes = field(repr=False)
    #: For what others sealed to it.
    private: ReaderPrivateKey


class VaultClient:
    """Asks identity's VaultService, and remembers.

    Public keys are no secret and tag keys serve one month: both are kept until room is needed. Reading keys are kept
    60 seconds from before they were asked for, so that nothing opens later than that after a destruction.
    Every method raises VaultUnavailable; any other refusal of the vault comes through as the channel raises it.
    """

    def __init__(
        self, *, stub: "VaultServiceAsyncStub", clock: Clock, timeout_seconds: float = 2.0, cached: int = _CACHED
    ) -> None:
        """`stub` is of a channel of libs.rpc; `cached` bounds each of the three caches, in entries."""
        self._stub = stub
        self._clock = clock
        self._timeout = timeout_seconds
        self._public: Recent[tuple[str, KeyOwner], ReaderPublicKey] = Recent(cached)
        self._tags: Recent[tuple[UUID, str], bytes] = Recent(cached)
        self._reading: Recent[KeyReference, tuple[float, ReadingKeys]] = Recent(cached)

    async def ensure_public_keys(self, reader: str, owners: Sequence[KeyOwner]) -> list[ReaderPublicKey | Destroyed]:
        """The keys to seal to so that `reader` (a service) can open, in the order of the owners.

        An owner without a data key gets one; a destroyed one stays destroyed.
        """
        answers = {owner: self._public.get((reader, owner)) for owner in owners}
        found: dict[KeyOwner, ReaderPublicKey | Destroyed] = {o: key for o, key in answers.items() if key is not None}
        missing = [owner for owner, key in answers.items() if key is None]
        for start in range(0, len(missing), _OWNERS_PER_CALL):
            asked = missing[start : start + _OWNERS_PER_CALL]
            request = vault_pb2.EnsurePublicKeysRequest(reader=reader, owners=[_owner(owner) for owner in asked])
            response = await self._ask(self._stub.EnsurePublicKeys, request)
            for owner, answer in zip(asked, response.keys, strict=True):
                if answer.destroyed:
                    found[owner] = Destroyed()
                    continue
                key = ReaderPublicKey(
                    key_id=UUID(bytes=answer.key.key), version=answer.key.version, public=answer.public_key
                )
                self._public.put((reader, owner), key)
                found[owner] = key
        return [found[owner] for owner in owners]

    async def public_key(self, reader: str, owner: KeyOwner) -> ReaderPublicKey:
        """One key of `ensure_public_keys`. Raises KeyDestroyed."""
        (key,) = await self.ensure_public_keys(reader, [owner])
        if isinstance(key, Destroyed):
            raise KeyDestroyed
        return key

    async def reader_keys(self, references: Sequence[KeyReference]) -> list[ReadingKeys | Destroyed]:
        """This service's own keys, in the order of the references. Unknown keys answer as destroyed ones do."""
        asked_at = self._clock.monotonic()
        self._reading.drop(lambda entry: asked_at - entry[0] >= READER_KEY_SECONDS)
        answers = {reference: self._reading.get(reference) for reference in references}
        found: dict[KeyReference, ReadingKeys | Destroyed] = {r: entry[1] for r, entry in answers.items() if entry}
        missing = [reference for reference, entry in answers.items() if entry is None]
        for start in range(0, len(missing), _REFERENCES_PER_CALL):
            asked = missing[start : start + _REFERENCES_PER_CALL]
            request = vault_pb2.GetReaderKeysRequest(keys=[_reference(reference) for reference in asked])
            response = await self._ask(self._stub.GetReaderKeys, request)
            for reference, answer in zip(asked, response.keys, strict=True):
                if answer.destroyed:
                    found[reference] = Destroyed()
                    continue
                keys = ReadingKeys(
                    symmetric=answer.symmetric_key,
                    private=ReaderPrivateKey(
                        key_id=reference.key_id, version=reference.version, private=answer.private_key
                    ),
                )
                self._reading.put(reference, (asked_at, keys))
                found[reference] = keys
        return [found[reference] for reference in references]

    async def tag_key(self, workspace: UUID, day: date) -> bytes:
        """The key of the workspace's search tags in the month of this day (UTC), 32 bytes. Raises KeyDestroyed."""
        period = (workspace, f"{day:%Y-%m}")
        if (known := self._tags.get(period)) is not None:
            return known
        wanted = vault_pb2.GetTagKeysRequest.Period(workspace_id=str(workspace), month=period[1])
        response = await self._ask(self._stub.GetTagKeys, vault_pb2.GetTagKeysRequest(periods=[wanted]))
        (key,) = response.keys
        if not key:
            raise KeyDestroyed
        self._tags.put(period, key)
        return key

    async def adopt_invitation_key(self, *, invitation: UUID, workspace: UUID, subject: UUID) -> None:
        """Makes the invitation's key a part of the person who accepted. Repeating it is harmless."""
        request = vault_pb2.AdoptInvitationKeyRequest(
            invitation_id=str(invitation), workspace_id=str(workspace), subject_id=str(subject)
        )
        await self._ask(self._stub.AdoptInvitationKey, request)

    async def _ask(
        self, method: "grpc.aio.UnaryUnaryMultiCallable[_Request, _Response]", request: _Request
    ) -> _Response:
        try:
            return await method(request, timeout=self._timeout)
        except (Unavailable, DeadlineExceeded) as error:
            raise VaultUnavailable("the vault did not answer") from error


def _owner(owner: KeyOwner) -> vault_pb2.KeyOwner:
    match owner:
        case SubjectOwner():
            return vault_pb2.KeyOwner(
                subject=vault_pb2.KeyOwner.SubjectInWorkspace(
                    subject_id=str(owner.subject), workspace_id=str(owner.workspace)
                )
            )
        case InvitationOwner():
            return vault_pb2.KeyOwner(
                invitation=vault_pb2.KeyOwner.InvitationInWorkspace(
                    invitation_id=str(owner.invitation), workspace_id=str(owner.workspace)
                )
            )
        case VisitorOwner():
            return vault_pb2.KeyOwner(
                visitor=vault_pb2.KeyOwner.VisitorOfDay(log_id=str(owner.log), day=owner.day.isoformat())
            )


def _reference(reference: KeyReference) -> envelope_pb2.KeyReference:
    return envelope_pb2.KeyReference(key=reference.key_id.bytes, version=reference.version)
