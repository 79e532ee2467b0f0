"""A call that passed every check: what a handler may know about its caller."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from libs.events.caller import Caller, Visitor
from libs.events.client import UNKNOWN, Client
from wardenry.tokens import AccessToken


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Who calls, for whom, from where."""

    #: Mutual-TLS name of the calling service.
    peer: str
    #: Verified token of a USER call; None for all others.
    token: AccessToken | None = None
    #: The access token as it was presented, to be forwarded to another service of ours; empty without one.
    bearer: str = ""
    #: The gateway's client; unknown when the caller is not the gateway.
    client: Client = UNKNOWN

    @property
    def user(self) -> AccessToken:
        """The token of a USER call. The interceptor has seen to it that there is one."""
        if self.token is None:
            raise LookupError("this call acts for no user; its rule says so")
        return self.token

    @property
    def workspace(self) -> UUID:
        """The workspace of the token. The RPC's rule has seen to it that there is one."""
        workspace = self.user.workspace
        if workspace is None:
            raise LookupError("this call acts in no workspace; its rule says so")
        return workspace

    @property
    def caller(self) -> Caller:
        """The holder of the token of a USER call."""
        token = self.user
        return Caller(subject=token.subject, session=token.session, client_id=token.client, client=self.client)

    @property
    def visitor(self) -> Visitor:
        """Whom an ANONYMOUS call is for: the peer speaks for somebody whom no token names."""
        return Visitor(client_id=self.peer, client=self.client)


class CallContext:
    """The context that handlers get: gRPC's own, and the call that passed the checks."""

    def __init__(self, *, call: Call, context: Any) -> None:
        self.call = call
        self._context = context

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)


def call_of(context: Any) -> Call:
    """The call behind a handler's context.

    Raises LookupError for a context that did not come through the interceptor, so no handler runs unchecked.
    """
    if not isinstance(context, CallContext):
        raise LookupError("this context did not pass the interceptor")
    return context.call
