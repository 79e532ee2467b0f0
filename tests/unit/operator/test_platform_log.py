"""The platform log's head, as it is read: whoever answers may be anybody."""

from datetime import UTC, datetime

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from libs.ids import PLATFORM
from services.operator.clients.platform_log import head_of
from services.operator.domain.status import LogUnreadable
from tests.unit.log.exports import ORIGIN, SIGNER
from wardenry.audit.v1.log_pb2 import GetPlatformCheckpointResponse
from wardenry.log.checkpoint import Checkpoint, log_origin, sign_checkpoint
from wardenry.log.note import NoteSigner
from wardenry.log.tree import leaf_hash

HEAD = log_origin(ORIGIN, PLATFORM)
CHECKPOINT = sign_checkpoint(Checkpoint(origin=HEAD, size=1, root=leaf_hash(b"")), SIGNER)
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_head_that_one_of_the_keys_signed_is_read() -> None:
    answer = GetPlatformCheckpointResponse(checkpoint=CHECKPOINT)
    answer.signed_at.FromDatetime(AT)
    head = head_of(answer, [str(SIGNER.key)])
    assert (head.origin, head.size, head.signed_at, head.ending) == (HEAD, 1, AT, ())
    before = NoteSigner(name=ORIGIN, seed=bytes(32))
    assert head_of(answer, [str(SIGNER.key), str(before.key)]).ending == (str(before.key),)


def test_anothers_signature_is_none() -> None:
    other = NoteSigner(name=ORIGIN, seed=bytes(32))
    with pytest.raises(LogUnreadable):
        head_of(GetPlatformCheckpointResponse(checkpoint=CHECKPOINT), [str(other.key)])
    with pytest.raises(LogUnreadable):
        head_of(GetPlatformCheckpointResponse(checkpoint=CHECKPOINT), ["no key"])


def test_a_time_that_is_none_is_refused() -> None:
    answer = GetPlatformCheckpointResponse(checkpoint=CHECKPOINT, signed_at=Timestamp(seconds=2**62))
    with pytest.raises(LogUnreadable):
        head_of(answer, [str(SIGNER.key)])
