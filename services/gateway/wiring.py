"""The composition root: the one place that names what the gateway is made of."""

import asyncio
from collections.abc import Sequence

from redis.asyncio import Redis
from starlette.routing import Route
from starlette.types import ASGIApp

from libs.cache.limit import Rate, RateLimit
from libs.config.secret import read_key
from libs.service.parts import Parts, open_parts
from services.gateway.api.audit import Audit
from services.gateway.api.description import Description
from services.gateway.api.requests import Requests
from services.gateway.api.sessions import Sessions
from services.gateway.api.subject import Subject
from services.gateway.api.tiles import Tiles
from services.gateway.api.workspaces import Workspaces
from services.gateway.clients.backends import Backends
from services.gateway.config import GatewaySettings
from services.gateway.edge.application import application
from services.gateway.edge.client_address import ClientAddress
from services.gateway.edge.limits import EdgeLimits
from services.gateway.edge.listeners import Listener, listen
from services.gateway.edge.sign_in import SignIn
from services.gateway.edge.tracing import Tracing
from services.gateway.edge.visit import Edge
from services.gateway.edge.workspaces import WorkspaceNames
from services.gateway.openid.keys import Keys
from services.gateway.pages.account import AccountPages
from services.gateway.pages.audit import AuditPages
from services.gateway.pages.members import MemberPages
from services.gateway.pages.rendering import Pages
from services.gateway.pages.rights import RightsPages
from services.gateway.pages.routing import PageRoutes
from services.gateway.pages.sign_in import SignInPages
from services.gateway.pages.way_in import WayIn
from services.gateway.pages.workspaces import WorkspacePages
from wardenry.clock import Clock
from wardenry.verifier import TokenVerifier


async def serve(settings: GatewaySettings, stopping: asyncio.Event) -> None:
    """Serves until `stopping` is set. What the gateway needs does not have to be there yet.

    Raises SecretInvalid, ListenFailed, OSError.
    """
    async with (
        open_parts(settings) as parts,
        parts.verifier() as verifier,
    ):
        gateway = Gateway(settings, parts=parts)
        await listen(gateway.application(verifier), gateway.listeners(), stopping=stopping)


class Gateway:
    """What the gateway is made of, for one process."""

    def __init__(self, settings: GatewaySettings, *, parts: Parts) -> None:
        """Raises SecretInvalid, OSError."""
        self._settings = settings
        self._parts = parts
        self._backends = Backends.over(
            identity=parts.channel("identity"),
            session=parts.channel("session"),
            tenancy=parts.channel("tenancy"),
            audit=parts.channel("audit"),
            datarights=parts.channel("datarights"),
        )
        self._limits = _limits(settings, parts.valkey, parts.clock)
        self._csrf_key = read_key(settings.csrf_key_file)

    def application(self, verifier: TokenVerifier) -> ASGIApp:
        """What is served."""
        edge, pages = self.edge(verifier), Pages()
        page_routes = PageRoutes(edge=edge, pages=pages)
        routes = self.routes(edge, pages=pages, page_routes=page_routes)
        app = application(routes, refusal=page_routes.refusal, http_origin=self._settings.http_origin)
        return Tracing(app, observer=self._parts.observer, ratio=self._parts.trace_ratio)

    def edge(self, verifier: TokenVerifier) -> Edge:
        """What routes stand on."""
        return Edge(
            backends=self._backends,
            verifier=verifier,
            client_address=ClientAddress(hops=self._settings.forwarded_hops),
            limits=self._limits,
            csrf_key=self._csrf_key,
            origins=self._settings.origins,
            clock=self._parts.clock,
            entropy=self._parts.entropy,
            ids=self._parts.ids,
        )

    def routes(self, edge: Edge, *, pages: Pages, page_routes: PageRoutes) -> list[Route]:
        """Every route, of programs and of people. Raises OSError."""
        sign_in = SignIn(backends=self._backends, ids=self._parts.ids)
        names = WorkspaceNames(backends=self._backends)
        way_in = WayIn(edge=edge, pages=pages, names=names)
        return [
            *Sessions(edge=edge, sign_in=sign_in, names=names).routes(),
            *Subject(edge=edge).routes(),
            *Workspaces(edge=edge, sign_in=sign_in).routes(),
            *Audit(edge=edge).routes(),
            *Requests(edge=edge).routes(),
            *Tiles(edge=edge).routes(),
            *Keys(edge=edge).routes(),
            *Description(edge=edge).routes(),
            *SignInPages(
                edge=edge,
                pages=pages,
                routes=page_routes,
                sign_in=sign_in,
                names=names,
                mailbox_url=self._settings.mailbox,
            ).routes(),
            *AccountPages(edge=edge, pages=pages, routes=page_routes).routes(),
            *RightsPages(edge=edge, pages=pages, routes=page_routes, sign_in=sign_in).routes(),
            *WorkspacePages(edge=edge, pages=pages, routes=page_routes, sign_in=sign_in, names=names).routes(),
            *MemberPages(edge=edge, pages=pages, routes=page_routes, way_in=way_in).routes(),
            *AuditPages(edge=edge, pages=pages, routes=page_routes, way_in=way_in).routes(),
        ]

    def listeners(self) -> Sequence[Listener]:
        """Where it listens."""
        settings = self._settings
        secure = Listener(
            address=settings.https_listen,
            certificate_file=settings.certificate_file,
            key_file=settings.key_file,
        )
        return [secure, Listener(address=settings.http_listen)] if settings.http_listen else [secure]


def _limits(settings: GatewaySettings, valkey: Redis, clock: Clock) -> EdgeLimits:
    def a_minute(name: str, calls: int) -> RateLimit:
        return RateLimit(name=name, rate=Rate.a_minute(calls), client=valkey, clock=clock)

    return EdgeLimits(
        authentication=a_minute("edge-authentication", settings.authentication_rate),
        standard=a_minute("edge-standard", settings.standard_rate),
    )
