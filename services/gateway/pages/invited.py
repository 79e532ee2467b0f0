"""Whom a workspace knows already: what an inviter may read, asked before somebody is invited twice."""

from collections.abc import AsyncIterator
from enum import Enum

from libs.mail.address import AddressInvalid, normalised
from services.gateway.clients.backends import Backends
from services.gateway.edge.browser import Credentials
from wardenry.tenancy.v1.invitation_pb2 import Invitation, ListInvitationsRequest
from wardenry.tenancy.v1.membership_pb2 import ListMembersRequest

_PAGE = 100
#: Beyond so many pages nobody is looked for: an invitation is then sent as if its address were new.
_MOST_PAGES = 20


class Known(Enum):
    """What an address is to a workspace that knows it."""

    INVITED = "invited"
    MEMBER = "member"


class Rolls:
    """A workspace's members and open invitations, as far as the asking member may read them."""

    def __init__(self, *, backends: Backends) -> None:
        self._backends = backends

    async def known(self, credentials: Credentials, typed: str) -> Known | None:
        """None for an address that the workspace does not know, and for text that is no address."""
        try:
            address = normalised(typed)
        except AddressInvalid:
            return None  # tenancy refuses it, and says why
        if await self.invitation_to(credentials, address):
            return Known.INVITED
        request = ListMembersRequest(page_size=_PAGE)
        for _ in range(_MOST_PAGES):
            answer = await self._backends.membership.ListMembers(request, metadata=credentials.metadata)
            if any(member.address == address for member in answer.members):
                return Known.MEMBER
            if not answer.next_page_token:
                break
            request.page_token = answer.next_page_token
        return None

    async def invitation(self, credentials: Credentials, invitation_id: str) -> Invitation | None:
        """The open invitation with this identifier."""
        async for invitation in self._invitations(credentials):
            if invitation.invitation_id == invitation_id:
                return invitation
        return None

    async def invitation_to(self, credentials: Credentials, address: str) -> Invitation | None:
        """The newest open invitation to this address, which is a normalised one."""
        async for invitation in self._invitations(credentials):
            if invitation.address == address:
                return invitation
        return None

    async def _invitations(self, credentials: Credentials) -> AsyncIterator[Invitation]:
        request = ListInvitationsRequest(page_size=_PAGE)
        for _ in range(_MOST_PAGES):
            answer = await self._backends.invitation.ListInvitations(request, metadata=credentials.metadata)
            for invitation in answer.invitations:
                yield invitation
            if not answer.next_page_token:
                return
            request.page_token = answer.next_page_token
