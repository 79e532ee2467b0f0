"""A session's line of refresh tokens, as the gateway holds it for a browser, spoken to session directly."""

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

import grpc

from deploy.local.demo.browser import Browser
from services.gateway.edge.cookies import decode_secret
from services.session.domain.refresh_token import parse
from wardenry.errors.status import from_rpc_error
from wardenry.session.v1.token_pb2 import IntrospectRequest, RefreshRequest

if TYPE_CHECKING:
    from wardenry.session.v1.token_pb2_grpc import TokenServiceAsyncStub

#: Seconds for an answer.
DEADLINE = 5.0


@dataclass(slots=True, kw_only=True)
class Line:
    """The newest tokens of one grant."""

    session_id: str
    access: str = field(repr=False)
    refresh: str = field(repr=False)
    device_binding: bytes = field(repr=False)

    @classmethod
    def of(cls, browser: Browser, workspace_id: str, session_id: str) -> "Line":
        """What the browser holds in its cookies."""
        device = decode_secret(browser.cookie("device")) or b""
        return cls(
            session_id=session_id,
            access=browser.cookie("access", workspace_id),
            refresh=browser.cookie("refresh", workspace_id),
            device_binding=hashlib.sha256(device).digest(),
        )

    @property
    def grant(self) -> UUID:
        return parse(self.refresh).grant

    @property
    def next_rotation(self) -> str:
        """What the refresh that the newest token makes is told by: the grant, and the how-manieth."""
        token = parse(self.refresh)
        return f"{token.grant}#{token.counter + 1}"

    async def rotate(self, tokens: "TokenServiceAsyncStub") -> None:
        """Exchanges the newest refresh token. Raises WardenryError."""
        request = RefreshRequest(refresh_token=self.refresh, device_binding=self.device_binding)
        try:
            answer = await tokens.Refresh(request, timeout=DEADLINE)
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from error
        self.access, self.refresh = answer.tokens.access_token, answer.tokens.refresh_token

    def plant(self, browser: Browser, workspace_id: str) -> None:
        """Gives the newest tokens back to the browser."""
        browser.plant("access", workspace_id, self.access)
        browser.plant("refresh", workspace_id, self.refresh)


async def introspected(tokens: "TokenServiceAsyncStub", token: str) -> bool:
    """Whether session says that the token is good. Raises WardenryError."""
    try:
        return bool((await tokens.Introspect(IntrospectRequest(token=token), timeout=DEADLINE)).active)
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(error) from error
