"""The caller of an RPC, in session's own terms."""

from libs.rpc.call import Call
from services.session.commands.caller import Caller


def caller_of(call: Call) -> Caller:
    """The holder of the verified token of a USER call."""
    token = call.user
    return Caller(
        subject=token.subject,
        session=token.session,
        client_id=token.client,
        workspace=token.workspace,
        role=token.role or "",
        amr=token.amr,
        acr=token.acr,
        authenticated_at=token.auth_time,
        subject_epoch=token.subject_epoch,
        membership_epoch=token.membership_epoch or 0,
        token_expires_at=token.expires_at,
        client=call.client,
    )
