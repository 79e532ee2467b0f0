"""Who calls, as the domain knows it."""

from libs.rpc.call import Call
from services.identity.domain.caller import Caller


def caller_of(call: Call) -> Caller:
    """Whom the gateway speaks for. A person's token names the client; else it is the gateway itself."""
    return Caller(client_id=call.token.client if call.token else call.peer, client=call.client)
