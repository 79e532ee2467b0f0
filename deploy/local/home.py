"""The directory that holds everything of one local stack."""

import fcntl
import json
import time
from pathlib import Path
from typing import Any, TextIO

import psutil

from deploy.local.privileges import Privileges, unprivileged

#: Who only asks whether a supervisor runs holds the lock for an instant.
LOCK_SECONDS = 1.0


class HomeUnusable(Exception):
    """The directory cannot be used. The text is one line that says why and what to do."""


class Home:
    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.secrets = self.root / "secrets"
        self.pki = self.root / "pki"
        self.logs = self.root / "logs"
        self.mail = self.root / "mail"
        self.objects = self.root / "objects"
        #: What `wardenry` is told of the stack that runs; gone while none does.
        self.operator = self.root / "operator.env"
        self._state = self.root / "state.json"
        self._ports = self.root / "ports.json"
        self._lock: TextIO | None = None

    def open(self) -> None:
        """Make the directory and take it for this process, until it ends in whatever way. Raises HomeUnusable."""
        try:
            # PostgreSQL, where it must run as `nobody`, passes through to its own directory. Nobody lists this one.
            mode = 0o711 if unprivileged() is Privileges.NOBODY else 0o700
            self.root.mkdir(mode=mode, parents=True, exist_ok=True)
            if self.root.stat().st_mode & mode != mode:
                self.root.chmod(mode)
            for part in (self.secrets, self.logs, self.mail, self.objects):
                part.mkdir(mode=0o700, exist_ok=True)
            lock = (self.root / "lock").open("a")
        except OSError as error:
            raise HomeUnusable(
                f"{self.root} cannot be used ({error.strerror}): set WARDENRY_HOME to a directory that you may write."
            ) from error
        deadline = time.monotonic() + LOCK_SECONDS
        while not taken(lock):
            if time.monotonic() > deadline:
                lock.close()
                pid = self.state().get("pid", "unknown")
                raise HomeUnusable(
                    f"Wardenry already runs in {self.root} (process {pid}): stop it, or set another WARDENRY_HOME. "
                    "python -m deploy.local status shows where it listens."
                )
            time.sleep(0.05)
        self._lock = lock

    def is_running(self) -> bool:
        """Whether a supervisor holds the directory and has begun."""
        return bool(self.running_state())

    def running_state(self) -> dict[str, Any]:
        """What the supervisor that holds the directory now says about itself; empty when there is none."""
        state = self.state()
        try:
            with (self.root / "lock").open() as lock:
                # The state may still be that of one that was killed, and the lock already its successor's.
                return state if not taken(lock) and psutil.pid_exists(state.get("pid", -1)) else {}
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            return {}

    def state(self) -> dict[str, Any]:
        """What the supervisor last said about itself; empty before the first run."""
        return read_json(self._state)

    def save_state(self, state: dict[str, Any]) -> None:
        write_json(self._state, state)

    def ports(self) -> dict[str, int]:
        """The ports of the last run, by name."""
        return read_json(self._ports)

    def save_ports(self, ports: dict[str, int]) -> None:
        write_json(self._ports, ports)


def taken(lock: TextIO) -> bool:
    """Whether the lock is ours now."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Replace the file whole, so that a reader never sees half of it."""
    draft = path.with_name(path.name + ".new")
    draft.write_text(json.dumps(content, indent=1) + "\n")
    draft.replace(path)
