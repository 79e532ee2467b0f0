"""One request at the edge, and the checks that every route shares."""

import hmac
from dataclasses import dataclass
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from libs.ids import Entropy, Ids
from services.gateway.clients.backends import Backends
from services.gateway.edge.browser import Browser, Refresher
from services.gateway.edge.client_address import ClientAddress
from services.gateway.edge.cookies import CookieJar, csrf_token
from services.gateway.edge.limits import EdgeLimits
from services.gateway.edge.problem import Problem, Violation
from wardenry.clock import Clock
from wardenry.verifier import TokenVerifier

#: Query parameters that would carry a credential into logs, histories and referrers (claim S6).
_CREDENTIAL_PARAMETERS = frozenset(
    {"access_token", "refresh_token", "token", "password", "code", "secret", "ticket", "authorization"}
)


@dataclass(frozen=True, slots=True)
class Visit:
    """A request and its browser."""

    request: Request
    browser: Browser
    csrf_key: bytes

    @property
    def jar(self) -> CookieJar:
        return self.browser.jar

    @property
    def csrf_token(self) -> str:
        """What goes with the flow cookie as the response will set it."""
        return csrf_token(self.csrf_key, self.jar.flow)

    def identifier(self, name: str) -> str:
        """The UUID in the path under `name`, in canonical text. Raises `Problem` 404 for anything else."""
        return str(self.workspace_id(name))

    def workspace_id(self, name: str = "workspace_id") -> UUID:
        text: str = self.request.path_params[name]
        try:
            value = UUID(text)
        except ValueError:
            value = None
        if value is None or str(value) != text:
            raise Problem(404, "NOT_FOUND", "There is nothing here.")
        return value

    def query(self, *allowed: str) -> dict[str, str]:
        """The query's parameters. Raises `Problem` 400 for an unknown or repeated one."""
        seen: dict[str, str] = {}
        violations = []
        for name, value in self.request.query_params.multi_items():
            if name not in allowed:
                violations.append(Violation(name[:64], "unknown parameter"))
            elif name in seen:
                violations.append(Violation(name, "given twice"))
            elif "\x00" in value:
                violations.append(Violation(name, "must not contain NUL"))
            seen[name] = value
        if violations:
            raise Problem(400, "FIELD_INVALID", "The request has invalid parameters.", violations=tuple(violations))
        return seen


class Edge:
    """What routes stand on: the services, the verifier, and the checks before a handler runs."""

    def __init__(
        self,
        *,
        backends: Backends,
        verifier: TokenVerifier,
        client_address: ClientAddress,
        limits: EdgeLimits,
        csrf_key: bytes,
        origins: frozenset[str],
        clock: Clock,
        entropy: Entropy,
        ids: Ids,
    ) -> None:
        self.backends = backends
        self.ids = ids
        self._verifier = verifier
        self._client_address = client_address
        self._limits = limits
        self._csrf_key = csrf_key
        self._origins = origins
        self.clock = clock
        self._entropy = entropy
        self._refresher = Refresher(backends=backends)

    def visit(self, request: Request) -> Visit:
        jar = CookieJar(request, entropy=self._entropy)
        browser = Browser(
            request,
            jar=jar,
            address=self._client_address.of(request),
            verifier=self._verifier,
            refresher=self._refresher,
            clock=self.clock,
        )
        return Visit(request, browser, self._csrf_key)

    def refuse_credentials_in_url(self, request: Request) -> None:
        if any(name.lower() in _CREDENTIAL_PARAMETERS for name in request.query_params):
            raise Problem(400, "FIELD_INVALID", "Tokens and secrets do not belong in a URL.")

    def require_same_origin(self, visit: Visit, shown_token: str) -> None:
        """Refuses an unsafe request that another site could have sent: a matching Origin and the CSRF token, both."""
        origin = visit.request.headers.get("origin", "")
        if origin not in self._origins:
            raise Problem(403, "PERMISSION_DENIED", "The request comes from another origin.")
        if not hmac.compare_digest(shown_token.encode(), visit.csrf_token.encode()):
            raise Problem(
                403, "PERMISSION_DENIED", "The form is not from this visit any more: reload the page and try again."
            )

    async def limit(self, visit: Visit, *, authentication: bool) -> None:
        await self._limits.take(visit.browser.address, authentication=authentication)


def finish(visit: Visit, response: Response) -> Response:
    """Writes the cookies that the visit changed."""
    visit.jar.write(response)
    return response
