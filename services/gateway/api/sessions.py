"""Sign-up, sign-in, sessions."""

from typing import Annotated

from msgspec import Meta, Struct
from starlette.routing import Route

from services.gateway.api.operation import Acting, Operation, ruled
from services.gateway.api.routing import Call, api_route
from services.gateway.edge.rendering import moment
from services.gateway.edge.sign_in import SignIn
from services.gateway.edge.visit import Edge
from services.gateway.edge.workspaces import WorkspaceNames
from wardenry.identity.v1.authentication_pb2 import PasswordStep
from wardenry.identity.v1.registration_pb2 import RegisterRequest, VerifyRegistrationRequest
from wardenry.session.v1.session_pb2 import (
    ListSessionsRequest,
    ListSessionsResponse,
    RevokeSessionRequest,
    RevokeSessionsRequest,
    RevokeSessionsResponse,
)
from wardenry.session.v1.token_pb2 import TokenPair
from wardenry.tenancy.v1.workspace_pb2 import ResolveWorkspaceRequest

_CREATE_SESSION = "wardenry.session.v1.SessionService.CreateSession"


class CsrfToken(Struct):
    """What a call that changes something must show."""

    csrf_token: Annotated[str, Meta(description="For the header X-CSRF-Token, beside the cookie __Host-flow.")]


class Registration(Struct):
    """A sign-up that waits for its code."""

    registration_id: Annotated[str, Meta(description="Registration id.")]
    expires_at: Annotated[
        str, Meta(description="When the mailed code ends to work.", extra_json_schema={"format": "date-time"})
    ]


class SignedIn(Struct):
    """Who is signed in now. The tokens are in cookies that no script reads."""

    session_id: Annotated[str, Meta(description="Session id.")]
    subject_id: Annotated[str, Meta(description="Subject id.")]
    workspace_id: Annotated[str, Meta(description="The workspace that is open; empty before one is chosen.")]
    role: Annotated[str, Meta(description='Role in it: "owner", "admin", "manager", "member"; empty without one.')]
    csrf_token: Annotated[str, Meta(description="The new one: a sign-in renews the cookie __Host-flow.")]


CSRF = Operation(
    name="getCsrfToken",
    method="GET",
    path="/api/v1/csrf",
    summary="The CSRF token of this browser",
    description="Sets the cookie `__Host-flow` where there is none.",
    answer=CsrfToken,
)
REGISTER = Operation(
    name="register",
    method="POST",
    path="/api/v1/registrations",
    summary="Sign up: have a code mailed",
    description=(
        "Answers alike, whether or not the address is known. Repeating it with the same `registration_id` and the same"
        " fields, in the same browser, answers as the first time and mails nothing."
    ),
    authentication=True,
    body={
        "address": ruled(RegisterRequest, "address"),
        "password": ruled(RegisterRequest, "password"),
        "display_name": ruled(RegisterRequest, "display_name"),
        "registration_id": ruled(RegisterRequest, "registration_id", required=False),
    },
    answer=Registration,
    status=202,
    rpcs=("wardenry.identity.v1.RegistrationService.Register",),
)
VERIFY = Operation(
    name="verifyRegistration",
    method="POST",
    path="/api/v1/registrations/{registration_id}/verification",
    summary="Prove the address by the mailed code, and be signed in",
    description="The code works in the browser that asked for it alone: with its cookie `__Host-flow`.",
    authentication=True,
    body={"code": ruled(VerifyRegistrationRequest, "code")},
    answer=SignedIn,
    status=201,
    rpcs=("wardenry.identity.v1.RegistrationService.VerifyRegistration", _CREATE_SESSION),
)
CREATE = Operation(
    name="createSession",
    method="POST",
    path="/api/v1/sessions",
    summary="Sign in with a password",
    description="Ends the session that this browser had before.",
    authentication=True,
    body={
        "address": ruled(PasswordStep, "address"),
        "password": ruled(PasswordStep, "password"),
        "workspace": ruled(
            ResolveWorkspaceRequest,
            "slug",
            required=False,
            description="A workspace's part of URLs: it is opened too. Absent: none is.",
        ),
    },
    answer=SignedIn,
    status=201,
    rpcs=(
        "wardenry.tenancy.v1.WorkspaceService.ResolveWorkspace",
        "wardenry.identity.v1.AuthenticationService.Authenticate",
        _CREATE_SESSION,
    ),
)
LIST = Operation(
    name="listSessions",
    method="GET",
    path="/api/v1/sessions",
    summary="The person's sessions, newest first",
    acting=Acting.PERSON,
    query={"page": ruled(ListSessionsRequest, "page_token", required=False)},
    answer=ListSessionsResponse,
    rpcs=("wardenry.session.v1.SessionService.ListSessions",),
)
END = Operation(
    name="endSession",
    method="DELETE",
    path="/api/v1/sessions/current",
    summary="Sign out",
    description="Ends the session and forgets its cookies. Signing out of a session that has ended is no error.",
    answer=type(None),
    status=204,
    rpcs=("wardenry.session.v1.SessionService.EndSession",),
    # It may have to refresh first.
    refusals=("REASON_REFRESH_BUSY",),
)
REVOKE = Operation(
    name="revokeSession",
    method="DELETE",
    path="/api/v1/sessions/{session_id}",
    summary="End one of the person's sessions",
    acting=Acting.PERSON,
    answer=type(None),
    status=204,
    rpcs=("wardenry.session.v1.SessionService.RevokeSession",),
)
REVOKE_ALL = Operation(
    name="revokeSessions",
    method="POST",
    path="/api/v1/sessions/revocations",
    summary="End all of the person's sessions, or all others",
    acting=Acting.PERSON,
    body={"keep_current": ruled(RevokeSessionsRequest, "keep_current")},
    answer=RevokeSessionsResponse,
    rpcs=("wardenry.session.v1.SessionService.RevokeSessions",),
)


class Sessions:
    """Routes about signing up and in, and about the sessions of the signed-in person."""

    def __init__(self, *, edge: Edge, sign_in: SignIn, names: WorkspaceNames) -> None:
        self._edge = edge
        self._sign_in = sign_in
        self._names = names

    def routes(self) -> list[Route]:
        edge = self._edge
        return [
            api_route(edge, CSRF, self.csrf),
            api_route(edge, REGISTER, self.register),
            api_route(edge, VERIFY, self.verify),
            api_route(edge, CREATE, self.create),
            api_route(edge, LIST, self.list),
            api_route(edge, END, self.end),
            api_route(edge, REVOKE, self.revoke),
            api_route(edge, REVOKE_ALL, self.revoke_all),
        ]

    async def csrf(self, call: Call) -> CsrfToken:
        return CsrfToken(call.visit.csrf_token)

    async def register(self, call: Call) -> Registration:
        body = call.body
        registration_id = body.get("registration_id", str(self._edge.ids.uuid7()))
        answer = await self._edge.backends.registration.Register(
            RegisterRequest(
                registration_id=registration_id,
                address=body["address"],
                password=body["password"],
                display_name=body["display_name"],
                browser_binding=call.jar.flow_binding,
            ),
            metadata=call.metadata,
        )
        return Registration(registration_id, moment(answer.expires_at))

    async def verify(self, call: Call) -> SignedIn:
        tokens = await self._sign_in.by_registration(
            call.browser, registration_id=call.identifier("registration_id"), code=call.body["code"]
        )
        return self._signed_in(call, tokens)

    async def create(self, call: Call) -> SignedIn:
        body = call.body
        workspace_id = None
        if "workspace" in body:
            workspace_id = (await self._names.resolve(call.browser, body["workspace"])).workspace_id
        tokens = await self._sign_in.by_password(
            call.browser, address=body["address"], password=body["password"], workspace_id=workspace_id
        )
        return self._signed_in(call, tokens)

    async def list(self, call: Call) -> ListSessionsResponse:
        return await self._edge.backends.session.ListSessions(
            ListSessionsRequest(page_token=call.query.get("page", "")), metadata=call.metadata
        )

    async def end(self, call: Call) -> None:
        await self._sign_in.out(call.browser)

    async def revoke(self, call: Call) -> None:
        await self._edge.backends.session.RevokeSession(
            RevokeSessionRequest(session_id=call.identifier("session_id")), metadata=call.metadata
        )

    async def revoke_all(self, call: Call) -> RevokeSessionsResponse:
        keep_current: bool = call.body["keep_current"]
        answer = await self._edge.backends.session.RevokeSessions(
            RevokeSessionsRequest(keep_current=keep_current), metadata=call.metadata
        )
        if not keep_current:
            call.jar.clear_all_tokens()
        return answer

    def _signed_in(self, call: Call, tokens: TokenPair) -> SignedIn:
        return SignedIn(
            session_id=tokens.session_id,
            subject_id=tokens.subject_id,
            workspace_id=tokens.workspace_id,
            role=tokens.role,
            csrf_token=call.visit.csrf_token,
        )
