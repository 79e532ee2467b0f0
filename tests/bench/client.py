"""A client process from the side of who measures: what it does is no part of what is measured."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from libs.db.schemas import ROOT
from libs.rpc.tls import ENVIRONMENT
from tests.bench.machine import on
from tests.bench.measurement import Failed

#: Answers hold latencies of a few names only.
_LONGEST_ANSWER = 1 << 20
#: Seconds beyond those that a command asks for.
_PATIENCE = 60.0


class Client:
    """Carries out one command at a time."""

    def __init__(self, process: asyncio.subprocess.Process, *, name: str) -> None:
        self._process = process
        self._name = name

    async def ask(self, **command: Any) -> dict[str, Any]:
        """The answer. Raises Failed when there is none, or when it tells of errors."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        try:
            async with asyncio.timeout(_PATIENCE + float(command.get("seconds", 0))):
                line = await self._process.stdout.readline()
        except TimeoutError:
            raise Failed(f"{self._name} did not answer") from None
        if not line:
            raise Failed(f"{self._name} ended with code {await self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        if answer.get("errors"):
            raise Failed(f"{self._name}: {answer['errors']}")
        return answer


@asynccontextmanager
async def client(name: str, *, cores: frozenset[int], **opened: Any) -> AsyncIterator[Client]:
    """`python -m tests.bench.clients.<name>` on these cores, told `opened`, until the block ends."""
    with on(cores):
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            f"tests.bench.clients.{name}",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LONGEST_ANSWER,
            cwd=ROOT,
            env=os.environ | ENVIRONMENT,
            start_new_session=True,  # Ctrl-C is ours to hear; it ends when its input does
        )
    try:
        running = Client(process, name=f"the client {name}")
        await running.ask(**opened)
        yield running
    finally:
        if process.returncode is None:
            assert process.stdin is not None
            process.stdin.close()
            try:
                async with asyncio.timeout(5):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
