"""A person's browser, without its window: cookies, an origin, a CSRF token, a user agent."""

import asyncio
import ssl
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2

#: How often an answer "later" is obeyed before it counts as a failure.
MOST_WAITS = 5


class Unexpected(Exception):
    """An answer other than the one that must come. The text is the request, the answer and its reason."""


class Browser:
    """Talks to the gateway as a browser does: over HTTPS, its certificate checked, with cookies of its own."""

    def __init__(self, *, origin: str, edge_ca_file: Path, agent: str) -> None:
        self.agent = agent
        context = ssl.create_default_context(cafile=str(edge_ca_file))
        self._client = httpx2.AsyncClient(
            base_url=origin, verify=context, headers={"User-Agent": agent, "Origin": origin}, timeout=30
        )
        self._csrf: tuple[str, str] = ("", "")

    async def close(self) -> None:
        await self._client.aclose()

    async def ask(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, expect: int, reason: str = ""
    ) -> Any:
        """The JSON of the answer, or its text. Raises Unexpected for another status than the expected one."""
        response = await (self.send if expect == 429 else self.patiently)(method, path, body)
        answer = self._parsed(response)
        got = answer.get("reason", "") if response.status_code >= 400 and isinstance(answer, dict) else ""
        if response.status_code != expect or (reason and got != reason):
            detail = answer.get("detail", "") if isinstance(answer, dict) else ""
            wanted = f"{expect} {reason}".strip()
            raise Unexpected(f"{method} {path} must answer {wanted}, answered {response.status_code} {got} {detail}")
        return answer

    async def patiently(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx2.Response:
        """One request; sent again after the time that the answer names, when it says that it was too soon."""
        response = await self.send(method, path, body)
        for _ in range(MOST_WAITS):
            if response.status_code != 429:
                break
            await asyncio.sleep(float(response.headers["retry-after"]))
            response = await self.send(method, path, body)
        return response

    async def send(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        headers: dict[str, str] | None = None,
    ) -> httpx2.Response:
        """One request, whatever its answer. `headers` stand beside the browser's own, or in their place."""
        own = {} if method in ("GET", "HEAD") else {"X-CSRF-Token": await self._csrf_token()}
        return await self._client.request(method, path, json=body, headers=own | (headers or {}))

    async def download(self, path: str, body: dict[str, Any]) -> bytes:
        """The file that a POST answers with."""
        response = await self.patiently("POST", path, body)
        if response.status_code != 200:
            raise Unexpected(f"POST {path} must answer 200, answered {response.status_code} {response.text[:200]}")
        return response.content

    def cookie(self, name: str, workspace_id: str = "") -> str:
        """The value of one of the gateway's cookies; empty when it holds none."""
        return self._client.cookies.get(self._name(name, workspace_id)) or ""

    def plant(self, name: str, workspace_id: str, value: str) -> None:
        """Puts a value under a cookie's name, as an attacker would who owns this browser."""
        self._client.cookies.set(self._name(name, workspace_id), value, domain="localhost.local", path="/")

    def _name(self, name: str, workspace_id: str) -> str:
        return f"__Host-{name}-{UUID(workspace_id).hex}" if workspace_id else f"__Host-{name}"

    async def _csrf_token(self) -> str:
        flow, token = self._csrf
        if not token or flow != self.cookie("flow"):
            response = await self._client.get("/api/v1/csrf")
            response.raise_for_status()
            token = response.json()["csrf_token"]
            self._csrf = (self.cookie("flow"), token)
        return token

    def _parsed(self, response: httpx2.Response) -> Any:
        kind = response.headers.get("content-type", "")
        return response.json() if "json" in kind and response.content else response.text
