"""The stack that the demo drives: the one that runs, or one of its own for as long as it lasts."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.local.home import Home
from deploy.local.settings import StackSettings
from libs.db.schemas import ROOT
from wardenry.clock import Clock

#: A first start makes databases and keys too.
START_SECONDS = 120
STOP_SECONDS = 60
#: Tells what is under way, for as long as the context lasts.
Waiting = Callable[[str], AbstractContextManager[None]]


class NotRunning(Exception):
    """The stack does not run or is not ready. The text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningStack:
    """Where things are, as `status --json` tells it to everybody."""

    home: Path
    http: str
    https: str
    mail: str
    edge_ca_file: Path
    pki: Path
    addresses: dict[str, str]
    started_here: bool

    @classmethod
    def of(cls, state: dict[str, Any], *, started_here: bool) -> "RunningStack":
        return cls(
            home=Path(state["home"]),
            http=state["urls"]["http"],
            https=state["urls"]["https"],
            mail=state["urls"]["mail"],
            edge_ca_file=Path(state["edge_ca_file"]),
            pki=Path(state["pki"]),
            addresses=state["addresses"],
            started_here=started_here,
        )


@asynccontextmanager
async def running_stack(*, clock: Clock, waiting: Waiting) -> AsyncIterator[RunningStack]:
    """The stack on WARDENRY_HOME; started where none runs, and then stopped at the end. Raises NotRunning."""
    settings, _ = StackSettings.read(os.environ)
    home = Home(settings.home)
    if home.is_running():
        yield RunningStack.of(await _ready(home, None, clock=clock), started_here=False)
        return
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "deploy.local",
        cwd=ROOT,
        env=os.environ | {"WARDENRY_HOME": str(home.root)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,  # Ctrl-C is for us: we stop it, in order
    )
    said = asyncio.ensure_future(_read(process))
    try:
        with waiting("Nothing runs yet: starting everything, which takes some seconds ..."):
            state = await _ready(home, said, clock=clock)
        yield RunningStack.of(state, started_here=True)
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await said
        except TimeoutError:
            process.kill()
        await process.wait()


async def _read(process: asyncio.subprocess.Process) -> str:
    """Everything that it says, once it has ended."""
    output, _ = await process.communicate()
    return output.decode(errors="replace").strip()


async def _ready(home: Home, said: "asyncio.Future[str] | None", *, clock: Clock) -> dict[str, Any]:
    deadline = clock.monotonic() + START_SECONDS
    while True:
        state = home.running_state()
        if state.get("ready"):
            return state
        if said is not None and said.done():
            lines = [line for line in said.result().splitlines() if line not in ("", "Stopping ...", "Stopped.")]
            raise NotRunning(f"The stack did not start: {lines[-1] if lines else 'it said nothing'}")
        if clock.monotonic() > deadline:
            unready = [piece["name"] for piece in state.get("pieces", []) if piece["state"] != "ready"]
            raise NotRunning(
                f"Not ready after {START_SECONDS} s: {', '.join(unready) or 'everything'}; see {home.logs}"
            )
        await asyncio.sleep(0.2)
