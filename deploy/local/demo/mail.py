"""People's mail, read from the catcher as they would read it."""

import asyncio
import re
from typing import Any

import httpx2

from wardenry.clock import Clock

WAIT_SECONDS = 60
CODE = re.compile(r"(?<![\w-])\d{8}(?![\w@-])")
INVITATION = re.compile(r"(https?://\S+)/invitations/([0-9a-f-]{36})#([A-Za-z0-9_-]{43})")


class NoMail(Exception):
    """A mail that was promised did not come."""


class Mail:
    """Reads the mail of addresses."""

    def __init__(self, *, url: str, clock: Clock) -> None:
        self._client = httpx2.AsyncClient(base_url=url, timeout=30)
        self._clock = clock

    async def close(self) -> None:
        await self._client.aclose()

    async def code(self, address: str) -> str:
        """The code in the newest mail to `address` that holds one."""
        return (await self._wait(address, CODE)).group()

    async def invitation(self, address: str) -> tuple[str, str, str]:
        """Origin, invitation and secret of the link in the newest mail to `address` that holds one."""
        origin, invitation_id, secret = (await self._wait(address, INVITATION)).groups()
        return origin, invitation_id, secret

    async def to(self, address: str) -> list[dict[str, Any]]:
        """All mails to `address`, the newest first."""
        response = await self._client.get("/messages", params={"to": address})
        response.raise_for_status()
        mails: list[dict[str, Any]] = response.json()
        return mails

    async def _wait(self, address: str, pattern: "re.Pattern[str]") -> "re.Match[str]":
        deadline = self._clock.monotonic() + WAIT_SECONDS
        while self._clock.monotonic() < deadline:
            for mail in await self.to(address):
                found = pattern.search(mail["text"])
                if found:
                    return found
            await asyncio.sleep(0.1)
        raise NoMail(f"no mail with what was promised came to {address} within {WAIT_SECONDS} s")
