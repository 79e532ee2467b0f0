"""Which actions each service may write: what its RPCs declare (wardenry.options.v1)."""

from collections.abc import Mapping

from google.protobuf.descriptor import FileDescriptor

from wardenry.audit.v1 import entry_pb2, log_pb2, record_pb2
from wardenry.datarights.v1 import participant_pb2, request_pb2
from wardenry.events.v1 import parked_pb2
from wardenry.identity.v1 import (
    authentication_pb2,
    credential_pb2,
    registration_pb2,
    subject_pb2,
    ticket_pb2,
    vault_pb2,
)
from wardenry.options.v1 import options_pb2
from wardenry.session.v1 import revocation_pb2, session_pb2, token_pb2, warrant_pb2
from wardenry.tenancy.v1 import invitation_pb2, membership_pb2, permission_pb2, platform_pb2, workspace_pb2

#: Any service may refuse a call, and says so.
_EVERYBODY = frozenset({"permission.denied"})
#: What a service writes of itself, without a call.
_UNASKED = {"audit": frozenset({"log.anchored", "log.key_retired"})}
_CONTRACTS = {
    "audit": (entry_pb2, log_pb2, parked_pb2, record_pb2),
    "datarights": (request_pb2,),
    # Of those who serve the participants' contract identity alone writes what it declares.
    "identity": (
        authentication_pb2,
        credential_pb2,
        participant_pb2,
        registration_pb2,
        subject_pb2,
        ticket_pb2,
        vault_pb2,
    ),
    "session": (revocation_pb2, session_pb2, token_pb2, warrant_pb2, parked_pb2),
    "tenancy": (invitation_pb2, membership_pb2, permission_pb2, platform_pb2, workspace_pb2),
}


def allowed_actions() -> Mapping[str, frozenset[str]]:
    """The actions of each source."""
    return {
        source: _EVERYBODY.union(_UNASKED.get(source, ()), *(_declared(contract.DESCRIPTOR) for contract in contracts))
        for source, contracts in _CONTRACTS.items()
    }


def _declared(file: FileDescriptor) -> frozenset[str]:
    rules = [
        method.GetOptions().Extensions[options_pb2.rule]
        for service in file.services_by_name.values()
        for method in service.methods
    ]
    return frozenset(action for rule in rules for action in rule.audit_actions)
