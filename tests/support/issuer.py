"""An issuer of access tokens for tests: signs what it is told, also what no issuer should."""

import base64
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.clock import HeldClock
from tests.support.tokens import SESSION, SUBJECT, TOKEN_ID, WORKSPACE
from wardenry.keys import KeySet
from wardenry.memberships import MembershipSet
from wardenry.revocations import RevocationSet
from wardenry.verifier import TokenVerifier

ISSUER = "https://id.example.org"
START = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


class Issuer:
    """One signing key and its tokens."""

    def __init__(self, *, key_id: str = "test-1", seed: bytes = bytes(range(32))) -> None:
        self.key_id = key_id
        self.key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @property
    def jwk(self) -> dict[str, str]:
        public = {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA"}
        return {**public, "kid": self.key_id, "x": encoded(self.public)}

    def token(self, *, header: Mapping[str, Any] | None = None, without: str = "", **claims: Any) -> str:
        """A good token with other claims, without one of them, or with more or other members in its header."""
        head = {"alg": "EdDSA", "kid": self.key_id, "typ": "at+jwt", **(header or {})}
        body = {name: value for name, value in {**good_claims(), **claims}.items() if name != without}
        signed = f"{encoded_json(head)}.{encoded_json(body)}"
        return f"{signed}.{encoded(self.key.sign(signed.encode()))}"

    def warrant(self, *, sub: str, right: str, at: int) -> str:
        """A warrant for ten minutes from `at`, in seconds since 1970."""
        claims = {"aud": "participants", "rid": str(TOKEN_ID), "sub": sub, "right": right, "iat": at, "exp": at + 600}
        signed = ".".join(
            encoded_json(part)
            for part in ({"alg": "EdDSA", "kid": self.key_id, "typ": "warrant+jwt"}, {"iss": ISSUER, **claims})
        )
        return f"{signed}.{encoded(self.key.sign(signed.encode()))}"


def good_claims() -> dict[str, Any]:
    now = int(START.timestamp())
    return {
        "iss": ISSUER,
        "aud": ["wardenry"],
        "sub": str(SUBJECT),
        "client_id": "gateway",
        "jti": str(TOKEN_ID),
        "sid": str(SESSION),
        "wid": str(WORKSPACE),
        "role": "manager",
        "mep": 3,
        "sep": 2,
        "scope": "",
        "amr": ["pwd"],
        "acr": "aal1",
        "auth_time": now - 60,
        "iat": now,
        "exp": now + 600,
    }


class Validator:
    """A token verifier and everything that it follows, in the test's hands."""

    def __init__(self, *issuers: Issuer) -> None:
        self.clock = HeldClock(START)
        self.published = list(issuers)
        self.fetches = 0
        self.introspections = 0
        self.introspection: bool | Exception = True
        #: Seconds, and what happens within them.
        self.introspection_takes = 0.0
        self.during_introspection: Callable[[], None] = lambda: None
        self.keys = KeySet(fetch=self._fetch, clock=self.clock)
        self.revocations = RevocationSet(clock=self.clock)
        self.memberships = MembershipSet(clock=self.clock)
        self.verifier = TokenVerifier(
            issuer=ISSUER,
            keys=self.keys,
            revocations=self.revocations,
            memberships=self.memberships,
            introspect=self._introspect,
            clock=self.clock,
        )
        self.hear()

    def hear(self) -> None:
        """Both feeds answer a tick of this moment."""
        for lease in (self.revocations.lease, self.memberships.lease):
            lease.renew(lease.tick())

    async def _fetch(self) -> str:
        self.fetches += 1
        return json.dumps({"keys": [issuer.jwk for issuer in self.published]})

    async def _introspect(self, token: str) -> bool:
        self.introspections += 1
        self.clock.advance(self.introspection_takes)
        self.during_introspection()
        if isinstance(self.introspection, Exception):
            raise self.introspection
        return self.introspection


def encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def encoded_json(value: Any) -> str:
    return encoded(json.dumps(value, separators=(",", ":")).encode())
