"""The caller of an RPC, in session's own terms."""

from libs.rpc.call import Call
from services.session.commands.caller import TokenCaller


def caller_of(call: Call) -> TokenCaller:
    """The holder of the verified token of a USER call."""
    caller = call.caller
    return TokenCaller(
        subject=caller.subject,
        session=caller.session,
        client_id=caller.client_id,
        client=caller.client,
        token=call.user,
    )
