"""The cookies of a browser: their names, their attributes, and nothing else.

All carry the `__Host-` prefix (RFC 6265bis section 4.1.3.2): Secure, Path=/, no Domain, so that no sibling host can
plant one.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from libs.events.search_tags import device_fingerprint
from libs.ids import Entropy
from wardenry import base64url
from wardenry.base64url import Base64UrlInvalid

_FLOW = "__Host-flow"
_DEVICE = "__Host-device"
_ACCESS = "__Host-access"
_REFRESH = "__Host-refresh"
_NOTICE = "__Host-notice"
_ERASURE = "__Host-erasure"
_TOKENS = re.compile(f"(?:{_ACCESS}|{_REFRESH})(?:-[0-9a-f]{{32}})?")
#: How long a browser is remembered as a device.
_DEVICE_LIFETIME = timedelta(days=400)
#: How long what a page has to say waits for that page.
_NOTICE_LIFETIME = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class TokenCookies:
    """The tokens that a browser holds for one workspace, or for none; empty strings for absent ones."""

    access: str
    refresh: str


class CookieJar:
    """The cookies of one request, and the changes that its response will carry."""

    def __init__(self, request: Request, *, entropy: Entropy) -> None:
        self._cookies = request.cookies
        self._entropy = entropy
        self._changes: dict[str, tuple[str, timedelta | None]] = {}

    def _get(self, name: str) -> str:
        if name in self._changes:
            return self._changes[name][0]
        return self._cookies.get(name, "")

    def _secret(self, name: str, lifetime: timedelta | None) -> bytes:
        value = decode_secret(self._get(name))
        if value is None:
            value = self._entropy.bytes(32)
            self._changes[name] = (base64url.encode(value), lifetime)
        return value

    @property
    def flow(self) -> bytes:
        """32 bytes that bind a flow to this browser; made at first use."""
        return self._secret(_FLOW, None)

    @property
    def flow_binding(self) -> bytes:
        return hashlib.sha256(self.flow).digest()

    def renew_flow(self) -> None:
        """A new flow from here on: after a sign-in nothing from before it works (session fixation)."""
        self._changes[_FLOW] = (base64url.encode(self._entropy.bytes(32)), None)
        self.take_erasure_asked()

    @property
    def device(self) -> bytes:
        """32 bytes that name this browser as a device; empty when it has none."""
        return decode_secret(self._get(_DEVICE)) or b""

    def set_device(self, token: bytes) -> None:
        if token:
            self._changes[_DEVICE] = (base64url.encode(token), _DEVICE_LIFETIME)

    @property
    def device_binding(self) -> bytes:
        return hashlib.sha256(self.device).digest()

    @property
    def device_fingerprint(self) -> str:
        """What logs know this browser by; empty when it is no known device."""
        return device_fingerprint(self.device)

    def set_notice(self, notice: str) -> None:
        """What the next page has to say, in the words of `services.gateway.pages.notice`."""
        self._changes[_NOTICE] = (notice, _NOTICE_LIFETIME)

    def take_notice(self) -> str:
        """What an earlier answer left for this page to say, which is said once; empty for nothing."""
        notice = self._get(_NOTICE)
        if notice:
            self._changes[_NOTICE] = ("", timedelta(0))
        return notice

    def set_erasure_asked(self) -> None:
        """The person of this browser's session is being erased: once the session ends, that is why."""
        self._changes[_ERASURE] = ("1", None)

    def take_erasure_asked(self) -> bool:
        """Whether an earlier answer said so, which is forgotten with this one: it was about that session alone."""
        asked = bool(self._get(_ERASURE))
        if asked:
            self._changes[_ERASURE] = ("", timedelta(0))
        return asked

    def tokens(self, workspace: UUID | None) -> TokenCookies:
        return TokenCookies(access=self._get(_name(_ACCESS, workspace)), refresh=self._get(_name(_REFRESH, workspace)))

    def token_workspaces(self) -> list[UUID | None]:
        """For which workspaces the browser presents tokens; None, for the token of no workspace, comes first."""
        found: list[UUID | None] = [None] if self._get(_REFRESH) else []
        for name in sorted({*self._cookies, *self._changes}):
            suffix = name.removeprefix(_REFRESH + "-")
            if suffix != name and len(suffix) == 32 and self._get(name):
                try:
                    found.append(UUID(hex=suffix))
                except ValueError:
                    continue
        return found

    def set_tokens(
        self, workspace: UUID | None, *, access: str, access_life: timedelta, refresh: str, refresh_life: timedelta
    ) -> None:
        # Each goes when its token ends, so that nobody sends an access token which is only verified to be refused.
        self._changes[_name(_ACCESS, workspace)] = (access, access_life)
        self._changes[_name(_REFRESH, workspace)] = (refresh, refresh_life)

    def clear_tokens(self, workspace: UUID | None) -> None:
        for name in (_name(_ACCESS, workspace), _name(_REFRESH, workspace)):
            if name in self._cookies or name in self._changes:
                self._changes[name] = ("", timedelta(0))

    def clear_all_tokens(self) -> None:
        """Forget every workspace: the session behind them has ended."""
        for name in {*self._cookies, *self._changes}:
            # Ours alone: whatever else a browser sends as a name would be written back as it is.
            if _TOKENS.fullmatch(name):
                self._changes[name] = ("", timedelta(0))

    def write(self, response: Response) -> None:
        # Names and values are ours, tokens and base64url: nothing in them is to be quoted.
        for name, (value, life) in self._changes.items():
            age = "" if life is None else f"; Max-Age={int(life.total_seconds())}"
            cookie = f"{name}={value}; Path=/; Secure; HttpOnly; SameSite=lax{age}"
            response.raw_headers.append((b"set-cookie", cookie.encode("ascii")))


def csrf_token(key: bytes, flow: bytes) -> str:
    """What an unsafe request must show besides the flow cookie that it is derived from."""
    return base64url.encode(hmac.digest(key, b"wardenry csrf v1" + flow, "sha256"))


def decode_secret(text: str) -> bytes | None:
    """The 32 bytes behind `text`; None for anything else."""
    if len(text) != 43:
        return None
    try:
        return base64url.decode(text)
    except Base64UrlInvalid:
        return None


def _name(prefix: str, workspace: UUID | None) -> str:
    return prefix if workspace is None else f"{prefix}-{workspace.hex}"
