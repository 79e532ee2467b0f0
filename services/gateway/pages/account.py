"""Pages about oneself: sessions and password; and, for who may become somebody here, an invitation."""

from starlette.responses import Response
from starlette.routing import Route

from services.gateway.edge.problem import Problem
from services.gateway.edge.rendering import rendered
from services.gateway.edge.visit import Edge, Visit
from services.gateway.pages.form import take
from services.gateway.pages.invitation import InvitationPages
from services.gateway.pages.notice import Notice
from services.gateway.pages.rendering import Pages
from services.gateway.pages.routing import PageRoutes, done
from wardenry.identity.v1.credential_pb2 import ChangePasswordRequest
from wardenry.identity.v1.subject_pb2 import GetSubjectRequest, GetSubjectResponse
from wardenry.session.v1.session_pb2 import ListSessionsRequest, RevokeSessionRequest, RevokeSessionsRequest


class AccountPages:
    """Sessions, account, and an invitation as its invitee sees it."""

    def __init__(self, *, edge: Edge, pages: Pages, routes: PageRoutes) -> None:
        self._edge = edge
        self._pages = pages
        self._routes = routes

    def routes(self) -> list[Route]:
        show, submit = self._routes.show, self._routes.submit
        return [
            show("/sessions", self.sessions),
            submit("/sessions/others", self.end_others, again=self.sessions_again),
            submit("/sessions/{session_id}/revocation", self.end, again=self.sessions_again),
            show("/account", self.account),
            submit("/account/password", self.change_password, again=self.account_again, authentication=True),
            *InvitationPages(edge=self._edge, pages=self._pages, routes=self._routes).routes(),
        ]

    async def sessions(self, visit: Visit) -> Response:
        return await self._sessions_page(visit, None, page=visit.query("page").get("page", ""))

    async def sessions_again(self, visit: Visit, fields: dict[str, str], problem: Problem) -> Response:
        return await self._sessions_page(visit, problem)

    async def _sessions_page(self, visit: Visit, problem: Problem | None, *, page: str = "") -> Response:
        credentials = await visit.browser.session_credentials()
        answer = await self._edge.backends.session.ListSessions(
            ListSessionsRequest(page_token=page), metadata=credentials.metadata
        )
        return self._pages.page(
            visit,
            "sessions.html",
            here="sessions",
            sessions=rendered(answer)["sessions"],
            page=page,
            next_page=answer.next_page_token,
            problem=problem,
        )

    async def end(self, visit: Visit, fields: dict[str, str]) -> Response:
        take(fields)
        credentials = await visit.browser.session_credentials()
        await self._edge.backends.session.RevokeSession(
            RevokeSessionRequest(session_id=visit.identifier("session_id")), metadata=credentials.metadata
        )
        return done(visit, "/sessions", Notice.ENDED)

    async def end_others(self, visit: Visit, fields: dict[str, str]) -> Response:
        take(fields)
        credentials = await visit.browser.session_credentials()
        await self._edge.backends.session.RevokeSessions(
            RevokeSessionsRequest(keep_current=True), metadata=credentials.metadata
        )
        return done(visit, "/sessions", Notice.OTHERS_ENDED)

    async def account(self, visit: Visit) -> Response:
        return await self._account_page(visit)

    async def account_again(self, visit: Visit, fields: dict[str, str], problem: Problem) -> Response:
        return await self._account_page(visit, fields, problem)

    async def change_password(self, visit: Visit, fields: dict[str, str]) -> Response:
        form = take(fields, "current_password", "new_password")
        credentials = await visit.browser.session_credentials()
        await self._edge.backends.credential.ChangePassword(
            ChangePasswordRequest(**form), metadata=credentials.metadata
        )
        return done(visit, "/account", Notice.PASSWORD_CHANGED)

    async def _subject(self, visit: Visit) -> GetSubjectResponse:
        credentials = await visit.browser.session_credentials()
        return await self._edge.backends.subject.GetSubject(GetSubjectRequest(), metadata=credentials.metadata)

    async def _account_page(
        self, visit: Visit, form: dict[str, str] | None = None, problem: Problem | None = None
    ) -> Response:
        subject = rendered(await self._subject(visit))
        return self._pages.page(visit, "account.html", here="account", subject=subject, form=form, problem=problem)
