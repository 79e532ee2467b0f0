"""A browser's request: who it is signed in as, and what is told to the services on its behalf."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from uuid import UUID

from starlette.requests import Request

from libs.events.client import Client
from libs.rpc.client_details import metadata_of
from services.gateway.clients.backends import Backends
from services.gateway.edge.cookies import CookieJar
from services.gateway.edge.problem import Problem
from wardenry.clock import Clock
from wardenry.errors.error import Unauthenticated
from wardenry.session.v1.token_pb2 import RefreshRequest, TokenPair
from wardenry.tokens import AUDIENCE, AccessToken
from wardenry.verifier import TokenVerifier

Metadata = Sequence[tuple[str, str]]

#: Tokens of a browser that one request tries at most, each of which may cost a refresh: a browser has one session, so
#: the first that is not good tells of the others, and a few more allow for workspaces that were left.
_MOST_TRIED = 4


@dataclass(frozen=True, slots=True)
class Credentials:
    """A verified access token, and the metadata that calls made with it carry."""

    token: str
    claims: AccessToken
    metadata: Metadata


class Refresher:
    """Refreshes, once for all requests of a browser that notice the same expired token at the same time."""

    def __init__(self, *, backends: Backends) -> None:
        self._backends = backends
        self._running: dict[bytes, asyncio.Task[TokenPair]] = {}

    async def refresh(self, refresh_token: str, device_binding: bytes, metadata: Metadata) -> TokenPair:
        # Keyed by both: a request that stole the token but not the device must not share the owner's answer.
        key = hashlib.sha256(refresh_token.encode() + b"\x00" + device_binding).digest()
        task = self._running.get(key)
        if task is None:
            task = asyncio.ensure_future(self._call(refresh_token, device_binding, metadata))
            self._running[key] = task
            task.add_done_callback(lambda _: self._running.pop(key, None))
        # Shielded: one browser tab that closes must not lose the answer for the others.
        return await asyncio.shield(task)

    async def _call(self, refresh_token: str, device_binding: bytes, metadata: Metadata) -> TokenPair:
        request = RefreshRequest(refresh_token=refresh_token, device_binding=device_binding)
        return (await self._backends.token.Refresh(request, metadata=metadata)).tokens


class Browser:
    """One request's browser."""

    def __init__(
        self,
        request: Request,
        *,
        jar: CookieJar,
        address: str,
        verifier: TokenVerifier,
        refresher: Refresher,
        clock: Clock,
    ) -> None:
        self.jar = jar
        self._clock = clock
        self._verifier = verifier
        self._refresher = refresher
        self.address = address
        self.metadata: Metadata = metadata_of(
            Client(address=address, agent=request.headers.get("user-agent", ""), device=jar.device_fingerprint)
        )

    @property
    def holds_session(self) -> bool:
        """Whether the browser presents any token; says nothing about whether it is good."""
        return any(self.jar.tokens(workspace).refresh for workspace in self.jar.token_workspaces())

    async def credentials(self, workspace: UUID) -> Credentials:
        """The browser's token for `workspace`, refreshed where needed.

        Raises `Problem` 401 when it holds none or its session has ended, `WardenryError` when no verdict is possible.
        """
        return await self._held(workspace)

    async def session_credentials(self) -> Credentials:
        """The browser's token for any workspace, or none: for calls about the person. Raises like `credentials`."""
        ended: Problem | None = None
        for workspace in self.jar.token_workspaces()[:_MOST_TRIED]:
            try:
                return await self._held(workspace)
            except Problem as problem:
                ended = problem
        raise ended or _signed_out()

    def accept(self, tokens: TokenPair) -> None:
        """Keeps new tokens in the browser's cookies."""
        now = self._clock.now()
        self.jar.set_tokens(
            UUID(tokens.workspace_id) if tokens.workspace_id else None,
            access=tokens.access_token,
            access_life=tokens.access_expires_at.ToDatetime(UTC) - now,
            refresh=tokens.refresh_token,
            refresh_life=tokens.refresh_expires_at.ToDatetime(UTC) - now,
        )

    async def _held(self, workspace: UUID | None) -> Credentials:
        cookies = self.jar.tokens(workspace)
        if not cookies.refresh:
            raise _signed_out()
        if cookies.access:
            try:
                return await self._verified(cookies.access, workspace)
            except Unauthenticated:
                pass  # expired, revoked or of a lower epoch: the refresh decides which
        try:
            tokens = await self._refresher.refresh(cookies.refresh, self.jar.device_binding, self.metadata)
        except Unauthenticated as error:
            self.jar.clear_tokens(workspace)
            raise Problem.of(error) from error
        self.accept(tokens)
        return await self._verified(tokens.access_token, workspace)

    async def _verified(self, token: str, workspace: UUID | None) -> Credentials:
        claims = await self._verifier.verify(token, audience=AUDIENCE)
        if claims.workspace != workspace:
            # A token under another workspace's name: never good here, whoever put it there.
            self.jar.clear_tokens(workspace)
            raise _signed_out()
        return Credentials(token, claims, with_token(self.metadata, token))


def with_token(metadata: Metadata, token: str) -> Metadata:
    """`metadata` for calls that are made with this access token."""
    return (*metadata, ("authorization", f"Bearer {token}"))


def _signed_out() -> Problem:
    return Problem(401, "TOKEN_INVALID", "Sign in first.")
