"""The page of an invitation, as who was invited sees it.

A visit tells nothing: the link's secret stands after its #, where no server sees it. The script of the page sends it,
in a form, and who holds it sees what is offered, may accept it when signed in, and decline it in any case.
"""

from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from services.gateway.edge.cookies import decode_secret
from services.gateway.edge.problem import Problem
from services.gateway.edge.rendering import rendered
from services.gateway.edge.visit import Edge, Visit
from services.gateway.pages.form import take
from services.gateway.pages.notice import Notice
from services.gateway.pages.rendering import Pages
from services.gateway.pages.routing import PageRoutes, done
from wardenry.errors.error import WardenryError
from wardenry.identity.v1.subject_pb2 import GetSubjectRequest
from wardenry.tenancy.v1.invitation_pb2 import AcceptInvitationRequest, DeclineInvitationRequest, GetOfferRequest

_PATH = "/invitations/{invitation_id}"
_INVALID, _MEMBER = "INVITATION_INVALID", "MEMBER_ALREADY"


class InvitationPages:
    """An invitation: looked at, accepted, declined."""

    def __init__(self, *, edge: Edge, pages: Pages, routes: PageRoutes) -> None:
        self._edge = edge
        self._pages = pages
        self._routes = routes

    def routes(self) -> list[Route]:
        submit = self._routes.submit
        return [
            self._routes.show(_PATH, self.invitation),
            submit(_PATH + "/offer", self.look, again=self.again),
            submit(_PATH, self.accept, again=self.again, authentication=True),
            submit(_PATH + "/refusal", self.decline, again=self.again, authentication=True),
        ]

    async def invitation(self, visit: Visit) -> Response:
        return await self._page(visit)

    async def again(self, visit: Visit, fields: dict[str, str], problem: Problem) -> Response:
        return await self._page(visit, form=fields, problem=problem)

    async def look(self, visit: Visit, fields: dict[str, str]) -> Response:
        secret = _secret_of(fields)
        offer = await self._edge.backends.invitation.GetOffer(
            GetOfferRequest(invitation_id=visit.identifier("invitation_id"), secret=secret),
            metadata=visit.browser.metadata,
        )
        return await self._page(visit, form=fields, offer=rendered(offer))

    async def accept(self, visit: Visit, fields: dict[str, str]) -> Response:
        secret = _secret_of(fields)
        credentials = await visit.browser.session_credentials()
        answer = await self._edge.backends.invitation.AcceptInvitation(
            AcceptInvitationRequest(invitation_id=visit.identifier("invitation_id"), secret=secret),
            metadata=credentials.metadata,
        )
        return done(visit, "/workspaces", Notice.JOINED, answer.workspace_id)

    async def decline(self, visit: Visit, fields: dict[str, str]) -> Response:
        secret = _secret_of(fields)
        await self._edge.backends.invitation.DeclineInvitation(
            DeclineInvitationRequest(invitation_id=visit.identifier("invitation_id"), secret=secret),
            metadata=visit.browser.metadata,
        )
        return done(visit, "/workspaces" if visit.browser.holds_session else "/", Notice.DECLINED)

    async def _page(
        self,
        visit: Visit,
        *,
        form: dict[str, str] | None = None,
        offer: dict[str, Any] | None = None,
        problem: Problem | None = None,
    ) -> Response:
        invitation_id = visit.identifier("invitation_id")
        subject = await self._subject(visit)
        return self._pages.page(
            visit,
            "invitation.html",
            problem=problem,
            form=form,
            signed_in=subject is not None,
            subject=subject,
            offer=offer,
            over=problem is not None and problem.reason in (_INVALID, _MEMBER),
            member=problem is not None and problem.reason == _MEMBER,
            invitation_id=invitation_id,
        )

    async def _subject(self, visit: Visit) -> dict[str, Any] | None:
        """Who is signed in; None for nobody."""
        if not visit.browser.holds_session:
            return None
        try:
            credentials = await visit.browser.session_credentials()
            answer = await self._edge.backends.subject.GetSubject(GetSubjectRequest(), metadata=credentials.metadata)
        except (Problem, WardenryError) as ended:
            problem = ended if isinstance(ended, Problem) else Problem.of(ended)
            if problem.status != 401:
                raise
            return None
        found: dict[str, Any] = rendered(answer)
        return found


def _secret_of(fields: dict[str, str]) -> bytes:
    secret = decode_secret(take(fields, "secret")["secret"])
    if secret is None:
        raise Problem(404, _INVALID, "The link is not complete. Open it from the mail again.")
    return secret
