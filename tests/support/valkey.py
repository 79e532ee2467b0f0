"""Real Valkey for tests."""

from pathlib import Path

from deploy.local.valkey import Valkey
from libs.ids import Entropy
from tests.support.ports import free_port


class ValkeyForTests:
    """A server of its own for a test process; each test that asks finds it empty."""

    def __init__(self, *, directory: Path, entropy: Entropy) -> None:
        self._server = Valkey(
            name="valkey",
            directory=directory,
            port=free_port(),
            password=entropy.bytes(16).hex(),
            log=directory / "valkey.log",
        )

    @property
    def url(self) -> str:
        return self._server.url

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.process.kill()

    def forget(self) -> None:
        """Lose everything, as a restart of a cache does."""
        self.stop()
        self.start()
