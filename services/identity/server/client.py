"""Who calls, as the domain knows it."""

from libs.rpc.call import Call
from services.identity.domain.client import Client


def client_of(call: Call) -> Client:
    """The client that the gateway speaks for. A person's token names it; else it is the gateway itself."""
    return Client(
        address=call.client_address,
        user_agent=call.user_agent,
        country=call.client_country,
        name=call.token.client if call.token else call.peer,
        device_fingerprint=call.device_fingerprint,
    )
