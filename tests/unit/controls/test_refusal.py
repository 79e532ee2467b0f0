"""Why a call failed is told in our words, whatever the other side wrote."""

import grpc
import pytest
from grpc.aio import AioRpcError, Metadata

from libs.controls.refusal import told
from wardenry.errors.error import PermissionDenied, Unavailable, WardenryError
from wardenry.errors.status import from_rpc_error, status_of

HOSTILE = "\x1b]0;owned\x07 <script> connection refused by nobody"


def met(code: grpc.StatusCode, details: str, *, trailing: Metadata | None = None) -> WardenryError:
    """What a call raises after that, as libs.rpc.channel does."""
    error = AioRpcError(code, Metadata(), trailing or Metadata(), details)
    try:
        raise from_rpc_error(error) from error
    except WardenryError as raised:
        return raised


def refused(error: WardenryError) -> WardenryError:
    status = status_of(error)
    return met(error.code, error.message, trailing=Metadata(*status.trailing_metadata))


@pytest.mark.parametrize(
    ("details", "words"),
    [
        ("failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:1: Failed to connect to remote host: "
         "connect: Connection refused (111)", "connection refused"),
        ("failed to connect; last error: UNAVAILABLE: ipv4:127.0.0.1:1: Ssl handshake failed", "no TLS handshake"),
        ("last error: UNAVAILABLE: ipv4:10.0.0.1:1: FD Shutdown: handshake timed out", "no answer in time"),
        ("DNS resolution failed for nowhere.invalid:1: C-ares", "its host name is not known"),
        ("recvmsg:Connection reset by peer", "the connection broke off"),
        ("Socket closed", "the connection broke off"),
        ("something new", "no connection"),
        ("", "no connection"),
    ],
)  # fmt: skip
def test_what_the_transport_met(details: str, words: str) -> None:
    assert told(met(grpc.StatusCode.UNAVAILABLE, details)) == words


def test_what_a_service_of_another_version_answers() -> None:
    assert "another version" in told(met(grpc.StatusCode.UNIMPLEMENTED, "Method not found!"))
    assert told(met(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded")) == "no answer in time"


@pytest.mark.parametrize("code", [each for each in grpc.StatusCode if each is not grpc.StatusCode.OK])
def test_nothing_that_was_sent_is_told_on(code: grpc.StatusCode) -> None:
    words = told(met(code, HOSTILE))
    assert words.isprintable()
    assert "owned" not in words
    assert "script" not in words


def test_what_a_service_of_ours_answers_is_told_with_its_reason() -> None:
    assert told(refused(Unavailable(HOSTILE))) == (
        "something that it needs does not answer (REASON_DEPENDENCY_UNAVAILABLE)"
    )
    assert told(refused(PermissionDenied(HOSTILE))) == "our certificate may not ask that (REASON_PERMISSION_DENIED)"
