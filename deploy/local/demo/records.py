"""A product's own service, protected by the SDK: the example of tests/support/records, in a process of its own."""

import asyncio
import json
import signal
import sys
from dataclasses import dataclass

import httpx2

from deploy.local.demo.running import RunningStack
from deploy.local.privileges import Privileges, launch
from libs.db.schemas import ROOT

START_SECONDS = 60


class NoRecords(Exception):
    """The example service did not start."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the service answered."""

    status: int
    text: str


class Records:
    """Calls the example service as a product's own front end would: over HTTP, with its person's token."""

    def __init__(self, *, stack: RunningStack) -> None:
        self._stack = stack
        self._process: asyncio.subprocess.Process | None = None
        self._client: httpx2.AsyncClient | None = None

    async def start(self) -> str:
        """Start it, with a certificate of its own and no secret of any other service. Returns its address.

        Raises NoRecords.
        """
        stack = self._stack
        peers = [text for peer in ("session", "tenancy", "audit") for text in (f"--{peer}", stack.addresses[peer])]
        program = [
            sys.executable,
            "-m",
            "tests.support.records",
            *peers,
            f"--pki={stack.pki}",
            f"--issuer={stack.https}",
        ]
        self._process = await asyncio.create_subprocess_exec(
            *launch(program, death_signal=signal.SIGTERM, privileges=Privileges.KEEP),
            cwd=ROOT,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert self._process.stdout is not None  # noqa: S101 - it was asked for above
        try:
            async with asyncio.timeout(START_SECONDS):
                line = await self._process.stdout.readline()
            address: str = json.loads(line)["http"]
        except (TimeoutError, ValueError) as error:
            raise NoRecords("python -m tests.support.records did not start") from error
        self._client = httpx2.AsyncClient(base_url=f"http://{address}", timeout=10)
        return address

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()
        if self._process is not None:
            if self._process.returncode is None:
                self._process.terminate()
            await self._process.wait()

    async def create(self, token: str, record_id: str, text: str, *, agent: str) -> Answer:
        return await self._send("POST", f"/records/{record_id}", token, agent, text)

    async def update(self, token: str, record_id: str, text: str, *, agent: str) -> Answer:
        return await self._send("PUT", f"/records/{record_id}", token, agent, text)

    async def delete(self, token: str, record_id: str, *, agent: str) -> Answer:
        return await self._send("DELETE", f"/records/{record_id}", token, agent)

    async def list(self, token: str, *, agent: str) -> Answer:
        return await self._send("GET", "/records", token, agent)

    async def _send(self, method: str, path: str, token: str, agent: str, text: str = "") -> Answer:
        if self._client is None:
            raise NoRecords("the example service was not started")
        headers = {"Authorization": f"Bearer {token}", "User-Agent": agent}
        response = await self._client.request(method, path, content=text.encode(), headers=headers)
        return Answer(response.status_code, response.text)
