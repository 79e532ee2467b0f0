"""A real Kafka broker for tests."""

from pathlib import Path

from deploy.local.tansu import Tansu
from tests.support.ports import free_port


class BrokerForTests:
    """A broker of a test process. It keeps records in memory alone."""

    def __init__(self, *, directory: Path) -> None:
        self._server = Tansu(name="broker", port=free_port(), log=directory / "broker.log")

    @property
    def bootstrap(self) -> str:
        """The address for clients, `host:port`."""
        return self._server.bootstrap

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        """Take it away: clients find the port closed."""
        self._server.process.kill()

    def forget(self) -> None:
        """Restart it, which loses every topic, record, offset and group."""
        self.stop()
        self.start()
