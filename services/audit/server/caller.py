"""The person behind a call."""

from uuid import UUID

from libs.rpc.call import Call
from services.audit.domain.events import Caller


def caller_of(call: Call) -> Caller:
    """Of a call whose rule asks for a token with a workspace; the interceptor has seen to both."""
    return Caller(
        workspace=workspace_of(call),
        subject=call.user.subject,
        session=call.user.session,
        client_id=call.user.client,
        client=call.client,
    )


def workspace_of(call: Call) -> UUID:
    """The token's workspace, whose log the call is about."""
    workspace = call.user.workspace
    if workspace is None:
        raise LookupError("this call names no workspace; its rule says that it must")
    return workspace
