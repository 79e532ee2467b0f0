"""SubjectService."""

from typing import Any
from uuid import UUID

from libs.rpc.call import call_of
from services.identity.commands.subject import GetContacts, GetSubject
from wardenry.identity.v1 import subject_pb2 as messages
from wardenry.identity.v1.subject_pb2_grpc import SubjectServiceServicer


class SubjectHandlers(SubjectServiceServicer):
    def __init__(self, *, get_subject: GetSubject, get_contacts: GetContacts) -> None:
        self._get_subject = get_subject
        self._get_contacts = get_contacts

    async def GetSubject(self, request: messages.GetSubjectRequest, context: Any) -> messages.GetSubjectResponse:
        contact = await self._get_subject(call_of(context).user.subject)
        response = messages.GetSubjectResponse(
            subject_id=str(contact.subject_id), display_name=contact.display_name, address=contact.address
        )
        response.created_at.FromDatetime(contact.created_at)
        return response

    async def GetContacts(self, request: messages.GetContactsRequest, context: Any) -> messages.GetContactsResponse:
        contacts = await self._get_contacts({UUID(subject_id) for subject_id in request.subject_ids})
        return messages.GetContactsResponse(
            contacts=[
                messages.Contact(
                    subject_id=str(contact.subject_id), display_name=contact.display_name, address=contact.address
                )
                for contact in contacts
            ]
        )
