"""What identity knows about people."""

from typing import TYPE_CHECKING
from uuid import UUID

from services.tenancy.domain.errors import ContactsUnavailable, SubjectUnknown
from services.tenancy.domain.membership import Contact
from wardenry.errors.error import DeadlineExceeded, Unavailable
from wardenry.identity.v1 import subject_pb2

if TYPE_CHECKING:
    # The typed stub exists for the type checker alone.
    from wardenry.identity.v1.subject_pb2_grpc import SubjectServiceAsyncStub

_TIMEOUT_SECONDS = 2.0


class GrpcContacts:
    def __init__(self, *, stub: "SubjectServiceAsyncStub") -> None:
        self._stub = stub

    async def contact(self, subject: UUID) -> Contact:
        request = subject_pb2.GetContactsRequest(subject_ids=[str(subject)])
        try:
            response = await self._stub.GetContacts(request, timeout=_TIMEOUT_SECONDS)
        except (Unavailable, DeadlineExceeded) as error:
            raise ContactsUnavailable from error
        for contact in response.contacts:
            if contact.subject_id == str(subject) and contact.address:
                return Contact(name=contact.display_name, address=contact.address)
        raise SubjectUnknown
