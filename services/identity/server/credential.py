"""CredentialService."""

from typing import Any

from libs.rpc.call import call_of
from services.identity.commands.credential import ChangePassword, ChangePasswordInput
from wardenry.identity.v1 import credential_pb2 as messages
from wardenry.identity.v1.credential_pb2_grpc import CredentialServiceServicer


class CredentialHandlers(CredentialServiceServicer):
    def __init__(self, *, change_password: ChangePassword) -> None:
        self._change_password = change_password

    async def ChangePassword(
        self, request: messages.ChangePasswordRequest, context: Any
    ) -> messages.ChangePasswordResponse:
        epoch = await self._change_password(
            ChangePasswordInput(
                current_password=request.current_password,
                new_password=request.new_password,
            ),
            call_of(context).caller,
        )
        return messages.ChangePasswordResponse(subject_epoch=epoch)
