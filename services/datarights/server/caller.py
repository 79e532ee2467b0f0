"""The caller of an RPC, in datarights' own terms."""

from libs.rpc.call import Call
from services.datarights.domain.caller import Caller


def caller_of(call: Call) -> Caller:
    """The holder of the verified token of a USER call."""
    token = call.user
    return Caller(
        subject=token.subject,
        session=token.session,
        client_id=token.client,
        bearer=call.bearer,
        client=call.client,
    )
