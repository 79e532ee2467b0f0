"""AuthenticationService."""

from typing import Any
from uuid import UUID

from libs.rpc.call import call_of
from services.identity.commands.authentication import AuthenticatePassword, PasswordInput
from wardenry.identity.v1 import authentication_pb2 as messages
from wardenry.identity.v1.authentication_pb2_grpc import AuthenticationServiceServicer


class AuthenticationHandlers(AuthenticationServiceServicer):
    def __init__(self, *, authenticate_password: AuthenticatePassword) -> None:
        self._authenticate_password = authenticate_password

    async def Authenticate(self, request: messages.AuthenticateRequest, context: Any) -> messages.AuthenticateResponse:
        # Validation has seen to it that there is a step, and passwords are the only kind.
        authenticated = await self._authenticate_password(
            PasswordInput(
                address=request.password.address,
                password=request.password.password,
                browser_binding=request.browser_binding,
                device_token=request.device_token,
                workspace_id=UUID(request.workspace_id) if request.workspace_id else None,
            ),
            call_of(context).visitor,
        )
        return messages.AuthenticateResponse(ticket=authenticated.ticket, device_token=authenticated.device_token)
