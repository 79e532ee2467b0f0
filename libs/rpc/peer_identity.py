"""Check: which service calls. Nothing comes before it; every other check builds on it."""

from collections.abc import Sequence
from typing import Any

from libs.rpc.rules import Rule
from wardenry.errors.error import PermissionDenied
from wardenry.errors.v1 import reason_pb2

_NAMES = "x509_subject_alternative_name"


def peer_of(context: Any) -> str:
    """The one name in the certificate of a call's caller, by gRPC's context. Raises PermissionDenied for none and for
    several: a service that could pass as another would be both."""
    # A certificate without such names would be known by its subject.
    names: Sequence[bytes] = context.peer_identities() if context.peer_identity_key() == _NAMES else ()
    if len(names) != 1:
        raise PermissionDenied("The certificate must have exactly one name.", reason=reason_pb2.REASON_PEER_NOT_ALLOWED)
    return names[0].decode("ascii", errors="replace")


def admit_peer(peer: str, rule: Rule) -> None:
    """Raises PermissionDenied for a peer that the RPC's rule does not admit."""
    if not rule.admits(peer):
        raise PermissionDenied("This service may not call this RPC.", reason=reason_pb2.REASON_PEER_NOT_ALLOWED)
