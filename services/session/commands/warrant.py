"""A person's leave for what datarights does with their data: remembered, and signed when it is needed."""

import json
from datetime import datetime, timedelta
from uuid import UUID

from services.session.commands.signing_key import SigningKeySet
from services.session.domain.errors import WarrantExists, WarrantNotFound
from services.session.domain.ports import UnitsOfWork
from services.session.domain.warrant import REQUEST_LIFE, Authorization
from wardenry import base64url
from wardenry.clock import Clock
from wardenry.warrants import AUDIENCE, LONGEST_LIFE, WARRANT_TYPE


class AuthorizeRequest:
    """Remembers that a person, freshly authenticated, wants a request."""

    def __init__(self, *, work: UnitsOfWork) -> None:
        self._work = work

    async def __call__(self, authorization: Authorization) -> None:
        """Raises WarrantExists when the request was authorized for another right, or longer ago than it may take."""
        async with self._work.begin(authorization.subject) as work:
            await work.warrants.add(authorization)
            if await work.warrants.find(authorization.request, within=REQUEST_LIFE) != authorization:
                raise WarrantExists


class ForgetRequest:
    """A request is over: the leave for it ends."""

    def __init__(self, *, work: UnitsOfWork) -> None:
        self._work = work

    async def __call__(self, *, subject: UUID, request: UUID) -> None:
        async with self._work.begin(subject) as work:
            await work.warrants.remove(request)


class IssueWarrant:
    """Signs a warrant for what was authorized. docs/formats/warrant.md is the specification."""

    def __init__(self, *, work: UnitsOfWork, keys: SigningKeySet, issuer: str, life: timedelta, clock: Clock) -> None:
        """`life` is at most that of access tokens: retired keys stay published no longer."""
        self._work = work
        self._keys = keys
        self._issuer = issuer
        self._life = min(life, timedelta(seconds=LONGEST_LIFE))
        self._clock = clock

    async def __call__(self, *, subject: UUID, request: UUID) -> tuple[str, datetime]:
        """The warrant and its end. Raises WarrantNotFound, SigningKeyMissing."""
        async with self._work.begin(subject) as work:
            authorized = await work.warrants.find(request, within=REQUEST_LIFE)
        if authorized is None:
            raise WarrantNotFound
        issued_at = self._clock.now().replace(microsecond=0)
        expires_at = issued_at + self._life
        claims = {
            "iss": self._issuer,
            "aud": AUDIENCE,
            "sub": str(subject),
            "rid": str(request),
            "right": authorized.right,
            "iat": int(issued_at.timestamp()),
            "exp": int(expires_at.timestamp()),
        }
        signer = self._keys.signer
        signed = f"{_part({'alg': 'EdDSA', 'kid': signer.key_id, 'typ': WARRANT_TYPE})}.{_part(claims)}"
        return f"{signed}.{base64url.encode(signer.private.sign(signed.encode()))}", expires_at


def _part(members: dict[str, object] | dict[str, str]) -> str:
    return base64url.encode(json.dumps(members, separators=(",", ":")).encode())
