"""The caller of an RPC, in tenancy's own terms."""

from libs.rpc.call import Call
from services.tenancy.domain.caller import Caller, Insider


def caller_of(call: Call) -> Caller:
    """The holder of the verified token of a USER call."""
    token = call.user
    return Caller(
        subject=token.subject,
        session=token.session,
        client_id=token.client,
        client=call.client,
    )


def insider_of(call: Call) -> Insider:
    """The same, in the workspace of the token. The RPC's rule has seen to it that there is one."""
    token = call.user
    if token.workspace is None or token.role is None:
        raise LookupError("this call acts in no workspace; its rule says so")
    return Insider(caller=caller_of(call), workspace=token.workspace, role=token.role)
