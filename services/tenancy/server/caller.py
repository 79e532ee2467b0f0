"""The caller of an RPC, in tenancy's own terms."""

from libs.rpc.call import Call
from services.tenancy.domain.caller import Insider


def insider_of(call: Call) -> Insider:
    """The caller, in the workspace of the token. The RPC's rule has seen to it that there is one."""
    role = call.user.role
    if role is None:
        raise LookupError("this call acts in no workspace; its rule says so")
    return Insider(caller=call.caller, workspace=call.workspace, role=role)
