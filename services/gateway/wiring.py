"""The composition root: the one place that names what the gateway is made of."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import timedelta

from redis.asyncio import Redis
from starlette.types import ASGIApp
from wardenry.clock import SystemClock
from wardenry.verification import follow
from wardenry.verifier import TokenVerifier

from libs.cache.client import open_client
from libs.cache.limit import Rate, RateLimit
from libs.config.secret import read_key
from libs.ids import SystemEntropy, Uuid7Ids
from libs.rpc.channel import open_channel
from libs.telemetry.observation import open_observer
from services.gateway.api.audit import Audit
from services.gateway.api.sessions import Sessions
from services.gateway.api.subject import Subject
from services.gateway.api.workspaces import Workspaces
from services.gateway.clients.backends import Backends
from services.gateway.config import GatewaySettings
from services.gateway.edge.application import application
from services.gateway.edge.client_address import ClientAddress
from services.gateway.edge.limits import EdgeLimits
from services.gateway.edge.listeners import Listener, serve
from services.gateway.edge.sign_in import SignIn
from services.gateway.edge.visit import Edge
from services.gateway.edge.workspaces import WorkspaceNames
from services.gateway.openid.keys import Keys
from services.gateway.pages.account import AccountPages
from services.gateway.pages.rendering import Pages
from services.gateway.pages.routing import PageRoutes
from services.gateway.pages.sign_in import SignInPages
from services.gateway.pages.workspaces import WorkspacePages


class Gateway:
    """The process: channels, verifier, routes, listeners."""

    def __init__(self, *, settings: GatewaySettings) -> None:
        self._settings = settings

    async def serve(self, stopping: asyncio.Event) -> None:
        """Serves until `stopping` is set. Raises ListenFailed, OSError, SecretInvalid."""
        settings, clock = self._settings, SystemClock()
        addresses = {
            "identity": settings.identity_address,
            "session": settings.session_address,
            "tenancy": settings.tenancy_address,
            "audit": settings.audit_address,
        }
        async with AsyncExitStack() as stack:
            observer = await stack.enter_async_context(
                open_observer(service=settings.service, endpoint=settings.otlp_endpoint, clock=clock)
            )
            channels = {
                peer: await stack.enter_async_context(
                    open_channel(target=target, peer=peer, tls=settings.tls, observer=observer)
                )
                for peer, target in addresses.items()
            }
            verifier = await stack.enter_async_context(
                follow(issuer=settings.issuer, session=channels["session"], tenancy=channels["tenancy"], clock=clock)
            )
            limits = self._limits(await stack.enter_async_context(open_client(settings.valkey_url)), clock)
            app = self._application(Backends.over(**channels), verifier, limits, clock)
            await serve(app, self._listeners(), stopping=stopping)

    def _application(
        self, backends: Backends, verifier: TokenVerifier, limits: EdgeLimits, clock: SystemClock
    ) -> ASGIApp:
        entropy = SystemEntropy()
        ids = Uuid7Ids(clock=clock, entropy=entropy)
        edge = Edge(
            backends=backends,
            verifier=verifier,
            client_address=ClientAddress(hops=self._settings.forwarded_hops),
            limits=limits,
            csrf_key=read_key(self._settings.csrf_key_file),
            origins=self._settings.origins,
            clock=clock,
            entropy=entropy,
            ids=ids,
        )
        sign_in = SignIn(backends=backends, ids=ids)
        names = WorkspaceNames(backends=backends)
        pages = Pages()
        page_routes = PageRoutes(edge=edge, pages=pages)
        routes = [
            *Sessions(edge=edge, sign_in=sign_in, names=names).routes(),
            *Subject(edge=edge).routes(),
            *Workspaces(edge=edge, sign_in=sign_in).routes(),
            *Audit(edge=edge).routes(),
            *Keys(edge=edge).routes(),
            *SignInPages(
                edge=edge,
                pages=pages,
                routes=page_routes,
                sign_in=sign_in,
                names=names,
                mailbox_url=self._settings.mailbox,
            ).routes(),
            *AccountPages(edge=edge, pages=pages, routes=page_routes).routes(),
            *WorkspacePages(edge=edge, pages=pages, routes=page_routes, sign_in=sign_in, names=names).routes(),
        ]
        return application(routes, refusal=page_routes.refusal)

    def _limits(self, client: Redis, clock: SystemClock) -> EdgeLimits:
        def a_minute(name: str, calls: int) -> RateLimit:
            # A page loads several things at once, so a quarter of a minute's calls may come together.
            rate = Rate(calls=calls, period=timedelta(minutes=1), burst=max(1, calls // 4))
            return RateLimit(name=name, rate=rate, client=client, clock=clock)

        return EdgeLimits(
            authentication=a_minute("edge-authentication", self._settings.authentication_rate),
            standard=a_minute("edge-standard", self._settings.standard_rate),
        )

    def _listeners(self) -> Sequence[Listener]:
        settings = self._settings
        secure = Listener(
            address=settings.https_listen,
            certificate_file=settings.certificate_file,
            key_file=settings.key_file,
        )
        return [secure, Listener(address=settings.http_listen)] if settings.http_listen else [secure]
