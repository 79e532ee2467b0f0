"""SessionService."""

from typing import Any
from uuid import UUID

from libs.rpc.call import call_of
from services.session.commands.revocation import EndSessions, EndSubject
from services.session.commands.session import CreateSession, ListSessions, SessionView
from services.session.server.caller import caller_of
from services.session.server.device import device_words
from services.session.server.token import token_pair
from wardenry.session.v1 import session_pb2, session_pb2_grpc
from wardenry.timestamp import timestamp_of


class SessionHandlers(session_pb2_grpc.SessionServiceServicer):
    def __init__(
        self, *, create: CreateSession, listing: ListSessions, end: EndSessions, end_subject: EndSubject
    ) -> None:
        self._create = create
        self._listing = listing
        self._end = end
        self._end_subject = end_subject

    async def CreateSession(
        self, request: session_pb2.CreateSessionRequest, context: Any
    ) -> session_pb2.CreateSessionResponse:
        tokens = await self._create(
            session=UUID(request.session_id),
            ticket=request.ticket,
            browser_binding=request.browser_binding,
            device_binding=request.device_binding,
            client=call_of(context).client,
        )
        return session_pb2.CreateSessionResponse(tokens=token_pair(tokens))

    async def ListSessions(
        self, request: session_pb2.ListSessionsRequest, context: Any
    ) -> session_pb2.ListSessionsResponse:
        token = call_of(context).user
        sessions, following = await self._listing(
            token.subject, page_size=request.page_size, page_token=request.page_token
        )
        return session_pb2.ListSessionsResponse(
            sessions=[_session(each, current=token.session) for each in sessions], next_page_token=following
        )

    async def EndSession(self, request: session_pb2.EndSessionRequest, context: Any) -> session_pb2.EndSessionResponse:
        await self._end.sign_out(caller_of(call_of(context)))
        return session_pb2.EndSessionResponse()

    async def RevokeSession(
        self, request: session_pb2.RevokeSessionRequest, context: Any
    ) -> session_pb2.RevokeSessionResponse:
        await self._end.revoke(caller_of(call_of(context)), UUID(request.session_id))
        return session_pb2.RevokeSessionResponse()

    async def RevokeSessions(
        self, request: session_pb2.RevokeSessionsRequest, context: Any
    ) -> session_pb2.RevokeSessionsResponse:
        revoked = await self._end.revoke_all(caller_of(call_of(context)), keep_current=request.keep_current)
        return session_pb2.RevokeSessionsResponse(revoked=revoked)

    async def EndSubject(self, request: session_pb2.EndSubjectRequest, context: Any) -> session_pb2.EndSubjectResponse:
        ended = await self._end_subject(
            UUID(request.subject_id),
            epoch=request.epoch,
            keep=UUID(request.keep_session_id) if request.keep_session_id else None,
        )
        return session_pb2.EndSubjectResponse(ended=ended)


def _session(view: SessionView, *, current: UUID) -> session_pb2.Session:
    return session_pb2.Session(
        session_id=str(view.session),
        created_at=timestamp_of(view.created_at),
        last_used_at=timestamp_of(view.last_used_at),
        idle_expires_at=timestamp_of(view.idle_expires_at),
        expires_at=timestamp_of(view.expires_at),
        device=device_words(view.user_agent),
        ip_address=view.ip_address,
        country=view.country,
        current=view.session == current,
        workspace_ids=[str(workspace) for workspace in view.workspaces],
    )
