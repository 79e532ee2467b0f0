"""Sign-up, sign-in, sessions."""

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.gateway.api.routing import api_route, created, done
from services.gateway.edge.body import read_object
from services.gateway.edge.rendering import rendered
from services.gateway.edge.sign_in import SignIn
from services.gateway.edge.visit import Edge, Visit
from services.gateway.edge.workspaces import WorkspaceNames
from wardenry.identity.v1.registration_pb2 import RegisterRequest
from wardenry.session.v1.session_pb2 import ListSessionsRequest, RevokeSessionRequest, RevokeSessionsRequest
from wardenry.session.v1.token_pb2 import TokenPair


class Sessions:
    """Routes about signing up and in, and about the sessions of the signed-in person."""

    def __init__(self, *, edge: Edge, sign_in: SignIn, names: WorkspaceNames) -> None:
        self._edge = edge
        self._sign_in = sign_in
        self._names = names

    def routes(self) -> list[Route]:
        edge = self._edge
        return [
            api_route(edge, "GET", "/api/v1/csrf", self.csrf),
            api_route(edge, "POST", "/api/v1/registrations", self.register, authentication=True),
            api_route(
                edge,
                "POST",
                "/api/v1/registrations/{registration_id}/verification",
                self.verify,
                authentication=True,
            ),
            api_route(edge, "POST", "/api/v1/sessions", self.create, authentication=True),
            api_route(edge, "GET", "/api/v1/sessions", self.list),
            api_route(edge, "DELETE", "/api/v1/sessions/current", self.end),
            api_route(edge, "DELETE", "/api/v1/sessions/{session_id}", self.revoke),
            api_route(edge, "POST", "/api/v1/sessions/revocations", self.revoke_all),
        ]

    async def csrf(self, visit: Visit) -> Response:
        return JSONResponse({"csrf_token": visit.csrf_token})

    async def register(self, visit: Visit) -> Response:
        body = await read_object(
            visit.request,
            required={"address": "string", "password": "string", "display_name": "string"},
            optional={"registration_id": "string"},
        )
        registration_id = body.get("registration_id") or str(self._edge.ids.uuid7())
        answer = await self._edge.backends.registration.Register(
            RegisterRequest(
                registration_id=registration_id,
                address=body["address"],
                password=body["password"],
                display_name=body["display_name"],
                browser_binding=visit.jar.flow_binding,
            ),
            metadata=visit.browser.metadata,
        )
        return JSONResponse({"registration_id": registration_id, **rendered(answer)}, 202)

    async def verify(self, visit: Visit) -> Response:
        body = await read_object(visit.request, required={"code": "string"})
        tokens = await self._sign_in.by_registration(
            visit.browser, registration_id=visit.identifier("registration_id"), code=body["code"]
        )
        return self._signed_in(visit, tokens)

    async def create(self, visit: Visit) -> Response:
        body = await read_object(
            visit.request, required={"address": "string", "password": "string"}, optional={"workspace": "string"}
        )
        workspace_id = None
        if "workspace" in body:
            workspace_id = (await self._names.resolve(visit.browser, body["workspace"])).workspace_id
        tokens = await self._sign_in.by_password(
            visit.browser, address=body["address"], password=body["password"], workspace_id=workspace_id
        )
        return self._signed_in(visit, tokens)

    async def list(self, visit: Visit) -> Response:
        query = visit.query("page")
        credentials = await visit.browser.session_credentials()
        answer = await self._edge.backends.session.ListSessions(
            ListSessionsRequest(page_token=query.get("page", "")), metadata=credentials.metadata
        )
        return JSONResponse(rendered(answer))

    async def end(self, visit: Visit) -> Response:
        await self._sign_in.out(visit.browser)
        return done()

    async def revoke(self, visit: Visit) -> Response:
        credentials = await visit.browser.session_credentials()
        await self._edge.backends.session.RevokeSession(
            RevokeSessionRequest(session_id=visit.identifier("session_id")), metadata=credentials.metadata
        )
        return done()

    async def revoke_all(self, visit: Visit) -> Response:
        body = await read_object(visit.request, required={"keep_current": "boolean"})
        credentials = await visit.browser.session_credentials()
        answer = await self._edge.backends.session.RevokeSessions(
            RevokeSessionsRequest(keep_current=body["keep_current"]), metadata=credentials.metadata
        )
        if not body["keep_current"]:
            visit.jar.clear_all_tokens()
        return JSONResponse(rendered(answer))

    def _signed_in(self, visit: Visit, tokens: TokenPair) -> Response:
        # The tokens themselves stay in cookies that no script reads.
        return created(
            {
                "session_id": tokens.session_id,
                "subject_id": tokens.subject_id,
                "workspace_id": tokens.workspace_id,
                "role": tokens.role,
                "csrf_token": visit.csrf_token,
            }
        )
