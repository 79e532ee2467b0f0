"""Check: which service calls. Nothing comes before it; every other check builds on it."""

from collections.abc import Iterable, Mapping

from libs.rpc.rules import Rule
from wardenry.errors.error import PermissionDenied
from wardenry.errors.v1 import reason_pb2

_NAMES = "x509_subject_alternative_name"


def peer_of(authentication: Mapping[str, Iterable[bytes]]) -> str:
    """The one name in the caller's certificate. Raises PermissionDenied for none and for several: a service that could
    pass as another would be both."""
    names = list(authentication.get(_NAMES, ()))
    if len(names) != 1:
        raise PermissionDenied("The certificate must have exactly one name.", reason=reason_pb2.REASON_PEER_NOT_ALLOWED)
    return names[0].decode("ascii", errors="replace")


def admit_peer(peer: str, rule: Rule | None) -> Rule:
    """The rule, if it admits the peer. Raises PermissionDenied, also for an RPC without a rule."""
    if rule is None or not rule.admits(peer):
        raise PermissionDenied("This service may not call this RPC.", reason=reason_pb2.REASON_PEER_NOT_ALLOWED)
    return rule
