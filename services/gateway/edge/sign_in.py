"""Signing in at the edge: identity's ticket, redeemed at session, kept in the browser's cookies."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator
from uuid import UUID

from libs.ids import Ids
from services.gateway.clients.backends import Backends
from services.gateway.edge.browser import Browser, Metadata, with_token
from services.gateway.edge.problem import Problem
from wardenry.errors.error import WardenryError
from wardenry.identity.v1.authentication_pb2 import AuthenticateRequest, PasswordStep
from wardenry.identity.v1.registration_pb2 import VerifyRegistrationRequest
from wardenry.identity.v1.subject_pb2 import GetSubjectRequest
from wardenry.lease import OVER
from wardenry.session.v1.session_pb2 import CreateSessionRequest, EndSessionRequest
from wardenry.session.v1.token_pb2 import CreateGrantRequest, TokenPair


class SignIn:
    """Signs a browser in and out."""

    def __init__(self, *, backends: Backends, ids: Ids) -> None:
        self._backends = backends
        self._ids = ids

    async def by_password(
        self, browser: Browser, *, address: str, password: str, workspace_id: UUID | None
    ) -> TokenPair:
        """Raises `WardenryError` as Authenticate and CreateSession do."""
        answer = await self._backends.authentication.Authenticate(
            AuthenticateRequest(
                browser_binding=browser.jar.flow_binding,
                device_token=browser.jar.device,
                workspace_id=str(workspace_id) if workspace_id else "",
                password=PasswordStep(address=address, password=password),
            ),
            metadata=browser.metadata,
        )
        return await self._begin(browser, answer.ticket, answer.device_token)

    async def by_registration(self, browser: Browser, *, registration_id: str, code: str) -> TokenPair:
        """Raises `WardenryError` as VerifyRegistration and CreateSession do."""
        answer = await self._backends.registration.VerifyRegistration(
            VerifyRegistrationRequest(
                registration_id=registration_id, code=code, browser_binding=browser.jar.flow_binding
            ),
            metadata=browser.metadata,
        )
        return await self._begin(browser, answer.ticket, answer.device_token)

    @contextlib.asynccontextmanager
    async def confirmed(self, browser: Browser, *, password: str) -> AsyncIterator[Metadata]:
        """What one call is made with that needs a fresh sign-in: the signed-in person gives the password again.

        It is a session of its own, which ends with the block, however that ends. The browser's cookies, session and
        forms stay as they are. Raises `Problem` 401, `WardenryError` as Authenticate and CreateSession do.
        """
        held = await browser.session_credentials()
        subject = await self._backends.subject.GetSubject(GetSubjectRequest(), metadata=held.metadata)
        answer = await self._backends.authentication.Authenticate(
            AuthenticateRequest(
                browser_binding=browser.jar.flow_binding,
                device_token=browser.jar.device,
                password=PasswordStep(address=subject.address, password=password),
            ),
            metadata=browser.metadata,
        )
        created = await self._backends.session.CreateSession(
            CreateSessionRequest(
                session_id=str(self._ids.uuid7()),
                ticket=answer.ticket,
                browser_binding=browser.jar.flow_binding,
                # A browser that identity did not know as a device stays what its own session knows it by.
                device_binding=hashlib.sha256(answer.device_token or browser.jar.device).digest(),
            ),
            metadata=browser.metadata,
        )
        metadata = with_token(browser.metadata, created.tokens.access_token)
        try:
            yield metadata
        finally:
            # One that cannot be ended now, or that an erasure has ended already: nobody holds its tokens after this.
            with contextlib.suppress(WardenryError):
                await self._backends.session.EndSession(EndSessionRequest(), metadata=metadata)

    async def open_workspace(self, browser: Browser, workspace_id: UUID) -> TokenPair:
        """A grant for a workspace in the browser's session. Raises `Problem` 401, `WardenryError` as CreateGrant."""
        credentials = await browser.session_credentials()
        answer = await self._backends.token.CreateGrant(
            CreateGrantRequest(
                grant_id=str(self._ids.uuid7()),
                workspace_id=str(workspace_id),
                device_binding=browser.jar.device_binding,
            ),
            metadata=credentials.metadata,
        )
        browser.accept(answer.tokens)
        return answer.tokens

    async def out(self, browser: Browser) -> None:
        """Ends the browser's session. Signing out of an ended session is no error; one that could not be ended is."""
        held = browser.holds_session
        if not await self._end(browser) and held:
            # Whoever has ended it may be waiting yet for the last service to know, or have been killed while it was.
            await asyncio.sleep(OVER)
        browser.jar.clear_all_tokens()
        browser.jar.renew_flow()

    async def _end(self, browser: Browser) -> bool:
        """Ends the browser's session; False when it has none that has not ended already. Raises `Problem`,
        `WardenryError` when it could not be ended."""
        try:
            credentials = await browser.session_credentials()
            await self._backends.session.EndSession(EndSessionRequest(), metadata=credentials.metadata)
        except Problem as problem:
            if problem.status != 401:
                raise
            return False
        return True

    async def _begin(self, browser: Browser, ticket: bytes, device_token: bytes) -> TokenPair:
        previous = browser.holds_session
        browser.jar.set_device(device_token)
        answer = await self._backends.session.CreateSession(
            CreateSessionRequest(
                session_id=str(self._ids.uuid7()),
                ticket=ticket,
                browser_binding=browser.jar.flow_binding,
                device_binding=browser.jar.device_binding,
            ),
            metadata=browser.metadata,
        )
        if previous:
            # One browser, one session: what somebody else left behind must not answer for the one who signs in now.
            with contextlib.suppress(WardenryError):
                await self._end(browser)
            browser.jar.clear_all_tokens()
        browser.jar.renew_flow()
        browser.accept(answer.tokens)
        return answer.tokens
