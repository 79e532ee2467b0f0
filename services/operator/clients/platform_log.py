"""The platform log's checkpoint, from audit itself."""

from collections.abc import Sequence
from datetime import UTC

from libs.controls.refusal import told
from services.operator.clients.deployment import Deployment
from services.operator.domain.status import LogHead, LogUnreadable
from wardenry.audit.v1 import log_pb2, log_pb2_grpc
from wardenry.errors.error import WardenryError
from wardenry.log.checkpoint import CheckpointInvalid, open_checkpoint
from wardenry.log.note import NoteInvalid, VerifierKey

#: Seconds for an answer.
_PATIENCE = 5.0


class GrpcPlatformLog:
    def __init__(self, *, deployment: Deployment) -> None:
        self._deployment = deployment

    async def head(self) -> LogHead:
        channel = self._deployment.channel("audit")
        platform, log = log_pb2_grpc.PlatformLogServiceStub(channel), log_pb2_grpc.LogServiceStub(channel)
        try:
            keys = await log.GetVerifierKeys(log_pb2.GetVerifierKeysRequest(), timeout=_PATIENCE)
            answer = await platform.GetPlatformCheckpoint(log_pb2.GetPlatformCheckpointRequest(), timeout=_PATIENCE)
        except WardenryError as error:
            raise LogUnreadable(f"audit does not tell it: {told(error)}") from error
        return head_of(answer, keys.keys)


def head_of(answer: log_pb2.GetPlatformCheckpointResponse, keys: Sequence[str]) -> LogHead:
    """What an answer says, if one of these keys signed it. Raises LogUnreadable."""
    try:
        checkpoint = open_checkpoint(answer.checkpoint, [VerifierKey.parse(key) for key in keys])
        signed_at = answer.signed_at.ToDatetime(tzinfo=UTC)
    except (CheckpointInvalid, NoteInvalid) as error:
        raise LogUnreadable(f"it is not signed as it should be: {error}") from error
    except ValueError:
        raise LogUnreadable("it was signed at a time that is none") from None
    # The newest is the first, and the one that signs.
    return LogHead(origin=checkpoint.origin, size=checkpoint.size, signed_at=signed_at, ending=tuple(keys[1:]))
