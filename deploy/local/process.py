"""One child process of the local stack."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from deploy.local.privileges import Privileges, launch

#: A longer log is set aside at the next start, and takes the place of the one set aside before.
LOG_BYTES = 16 * 1024 * 1024
#: Seconds from the stop signal to the end, by default: services let calls finish for ten (libs.rpc.server.GRACE).
STOP_SECONDS = 15.0
#: Seconds from the death signal to the end.
_DEATH_SECONDS = 5.0


class NotReady(Exception):
    """A process did not become ready. The text names it, says why, and where its log is."""


class Process:
    """A program that ends with us, whatever ends us, and writes to its own log.

    Start it from the main thread only: the kernel ties a child to the thread that started it.
    """

    def __init__(
        self,
        *,
        name: str,
        program: Sequence[str],
        log: Path,
        environment: Mapping[str, str],
        directory: Path,
        privileges: Privileges = Privileges.KEEP,
        stop_signal: signal.Signals = signal.SIGTERM,
        stop_seconds: float = STOP_SECONDS,
        death_signal: signal.Signals = signal.SIGKILL,
    ) -> None:
        self.name = name
        self.log = log
        self._program = list(program)
        self._environment = dict(environment)
        self._directory = directory
        self._privileges = privileges
        self._stop_signal = stop_signal
        self._stop_seconds = stop_seconds
        self._death_signal = death_signal
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._child.pid if self._child is not None and self._child.poll() is None else None

    @property
    def exit_code(self) -> int | None:
        """How it ended; None while it runs or before it was started."""
        return self._child.poll() if self._child is not None else None

    def start(self) -> None:
        """Start it.

        Its standard streams go to the log, and it does not hear the terminal's Ctrl-C: we stop it, in order.
        """
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("ab") as output:
            self._child = subprocess.Popen(
                launch(self._program, death_signal=self._death_signal, privileges=self._privileges),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._environment,
                cwd=self._directory,
                start_new_session=True,
            )

    def wait_until(self, ready: Callable[[], bool], *, seconds: float) -> None:
        """Return once it is `ready`. Raises NotReady when it has ended, or is not in time."""
        deadline = time.monotonic() + seconds
        while not ready():
            if self.exit_code is not None or time.monotonic() > deadline:
                raise NotReady(f"{self.name} did not start: {self.last_words()} (log: {self.log})")
            time.sleep(0.01)

    def ask_to_stop(self) -> None:
        """Send the stop signal and return at once."""
        if self.pid is not None:
            os.kill(self.pid, self._stop_signal)

    def stop(self, *, seconds: float | None = None) -> None:
        """Ask it to stop, wait, and end it as when its parent dies when it does not; the last resort is a kill."""
        if self._child is None:
            return
        self.ask_to_stop()
        try:
            self._child.wait(self._stop_seconds if seconds is None else seconds)
            return
        except subprocess.TimeoutExpired:
            self._child.send_signal(self._death_signal)
        try:
            self._child.wait(_DEATH_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it without a chance to tidy up."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()

    def wait_for_end(self, *, seconds: float) -> int:
        """Its exit code, once it has ended. Raises NotReady when it has not in time."""
        deadline = time.monotonic() + seconds
        while self.exit_code is None:
            if time.monotonic() > deadline:
                self.kill()
                raise NotReady(f"{self.name} did not finish within {seconds:g} s; its log is {self.log}")
            time.sleep(0.01)
        return self.exit_code

    def last_words(self) -> str:
        """The last line of its log that says something."""
        if not self.log.exists():
            return ""
        lines = [line.strip() for line in self.log.read_text(errors="replace").splitlines()[-50:]]
        return next((line for line in reversed(lines) if line), "")
