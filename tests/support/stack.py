"""The local stack as a person starts it: a process of its own, on a directory of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deploy.local.home import Home, write_json
from deploy.local.ports import PREFERRED
from libs.db.schemas import ROOT
from tests.support.ports import free_port


class LocalStack:
    """`python -m deploy.local run` and what it says. `state` is what it last said about itself."""

    def __init__(
        self,
        home: Path,
        *,
        arguments: tuple[str, ...] = (),
        environment: Mapping[str, str] | None = None,
        user: int | None = None,
    ) -> None:
        self.home = home
        self.state: dict[str, Any] = {}
        self._arguments = arguments
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("WARDENRY_")}
        self._environment = inherited | {"WARDENRY_HOME": str(home), "COLUMNS": "200"} | dict(environment or {})
        if user is not None:
            self._environment["HOME"] = str(home)  # ours is closed to others, and the database driver looks there
        self._user = user
        self._process: subprocess.Popen[str] | None = None
        self._output = ""

    def start(self, *, seconds: float = 180) -> None:
        """Start it and return once everything is ready. Raises AssertionError with its output otherwise."""
        self.spawn()
        deadline = time.monotonic() + seconds
        while not self.status().get("ready"):
            if self.exit_code is not None or time.monotonic() > deadline:
                self.kill()
                raise AssertionError(f"the local stack did not become ready:\n{self.output()}")
            time.sleep(0.2)

    def spawn(self) -> None:
        """Start it without waiting."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "deploy.local", "run", *self._arguments],
            cwd=ROOT,
            env=self._environment,
            user=self._user,
            group=self._user,
            extra_groups=[] if self._user is not None else None,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def status(self) -> dict[str, Any]:
        """What `python -m deploy.local status --json` reads, without the time that it takes to start."""
        self.state = Home(self.home).running_state()
        return self.state

    @property
    def exit_code(self) -> int | None:
        assert self._process is not None
        return self._process.poll()

    def output(self) -> str:
        """Everything that it printed. Only once it has ended."""
        assert self._process is not None
        if self._process.stdout is not None and not self._process.stdout.closed:
            self._output = self._process.communicate(timeout=120)[0]
        return self._output

    def stop(self, number: signal.Signals = signal.SIGTERM) -> str:
        """Stop it as a person does, and return what it printed."""
        assert self._process is not None
        self._process.send_signal(number)
        return self.output()

    def end(self) -> None:
        """Kill it if it was started and still runs."""
        if self._process is not None:
            self.kill()

    def kill(self) -> None:
        """End it without a chance to tidy up."""
        assert self._process is not None
        self._process.kill()
        self.output()

    def pid_of(self, name: str) -> int:
        """The process id of one of its pieces."""
        return next(int(piece["pid"]) for piece in self.state["pieces"] if piece["name"] == name)

    @property
    def supervisor(self) -> int:
        assert self._process is not None
        return self._process.pid


def prepared_home(directory: Path) -> Path:
    """A home whose ports are picked at random, so that several stacks may run at once."""
    directory.mkdir(parents=True, exist_ok=True)
    ports: dict[str, int] = {}
    while len(set(ports.values())) < len(PREFERRED):
        ports = {name: free_port() for name in PREFERRED}
    write_json(directory / "ports.json", ports)
    return directory
