"""RegistrationService."""

from typing import Any
from uuid import UUID

from libs.rpc.call import call_of
from services.identity.commands.registration import Register, RegisterInput, VerifyRegistration
from wardenry.identity.v1 import registration_pb2 as messages
from wardenry.identity.v1.registration_pb2_grpc import RegistrationServiceServicer


class RegistrationHandlers(RegistrationServiceServicer):
    def __init__(self, *, register: Register, verify: VerifyRegistration) -> None:
        self._register = register
        self._verify = verify

    async def Register(self, request: messages.RegisterRequest, context: Any) -> messages.RegisterResponse:
        expires_at = await self._register(
            RegisterInput(
                registration_id=UUID(request.registration_id),
                address=request.address,
                password=request.password,
                display_name=request.display_name,
                browser_binding=request.browser_binding,
            )
        )
        response = messages.RegisterResponse()
        response.expires_at.FromDatetime(expires_at)
        return response

    async def VerifyRegistration(
        self, request: messages.VerifyRegistrationRequest, context: Any
    ) -> messages.VerifyRegistrationResponse:
        registered = await self._verify(
            registration_id=UUID(request.registration_id),
            code=request.code,
            browser_binding=request.browser_binding,
            visitor=call_of(context).visitor,
        )
        return messages.VerifyRegistrationResponse(
            ticket=registered.ticket, device_token=registered.device_token, subject_id=str(registered.subject_id)
        )
