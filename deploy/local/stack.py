"""The local stack as a whole: from an empty directory to a page that answers, and back."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

import asyncpg

from deploy.local import services
from deploy.local.home import Home
from deploy.local.ports import choose
from deploy.local.postgres import Postgres
from deploy.local.process import NotReady
from deploy.local.secrets import SOURCES, ensure_password, ensure_secrets
from deploy.local.services import GRPC_SERVICES, GrpcService, Surroundings
from deploy.local.settings import SettingInvalid, StackSettings
from deploy.local.supervisor import LOOK_EVERY, Piece, Stage, State, Supervisor
from deploy.local.tansu import Tansu
from deploy.local.valkey import Valkey
from deploy.pki.development import ensure_certificates
from deploy.postgres.provision import provision_with_files
from libs.clock import Clock
from libs.db.errors import DatabaseUnavailable
from libs.db.migrations import migrate
from libs.db.schemas import schemas
from libs.events.admin import ensure_topics
from libs.events.errors import BrokerUnavailable
from libs.ids import Entropy

#: Databases on the vault's own cluster; every other one is on the services' cluster.
VAULT = "vault"
RETRY_SECONDS = 1.0
TOPICS = tuple(f"wardenry.{source}.v1" for source in SOURCES)
#: How many replicas a topic has: as many as the broker's operator decided.
BROKERS_DEFAULT = -1
#: Modest, since two clusters share a newcomer's machine with everything else.
POSTGRES_SETTINGS = {"max_connections": "200", "shared_buffers": "64MB", "password_encryption": "scram-sha-256"}
VAULT_SETTINGS = {"max_connections": "40", "shared_buffers": "16MB", "password_encryption": "scram-sha-256"}


class Stack:
    def __init__(
        self,
        *,
        settings: StackSettings,
        passed: Mapping[str, str],
        home: Home,
        clock: Clock,
        entropy: Entropy,
        stores_only: bool,
        say: Callable[[str], None],
        changed: Callable[[], None],
    ) -> None:
        """`passed` are variables for the services; `say` takes lines for a person; `changed` hears of new states."""
        self._settings = settings
        self._passed = passed
        self._home = home
        self._clock = clock
        self._entropy = entropy
        self._stores_only = stores_only
        self._say = say
        self._changed = changed
        self._bootstrap = ""
        self._all_started = False
        self._topics_due = True
        self._topics_tried = 0.0
        self._topics_complaint = ""
        self.outside: dict[str, str] = {}
        self.ports: dict[str, int] = {}
        self.supervisor = Supervisor(say=say, changed=self._piece_changed)

    def start(self) -> None:
        """Start everything in order; the services may still be starting when this returns.

        Raises SettingInvalid, PortOccupied, NotReady, NoBroker, Unreachable: each with one line that says what to do.
        """
        settings, home = self._settings, self._home
        asked = {"gateway-http": settings.http_port, "gateway-https": settings.https_port}
        given = {name: port for name, port in asked.items() if port is not None}
        self.ports = choose(remembered=home.ports(), asked=given)
        home.save_ports(self.ports)
        ensure_certificates(home.pki, clock=self._clock)
        ensure_secrets(home.secrets, entropy=self._entropy)
        databases = self._clusters()
        around = Surroundings(
            settings=settings,
            home=home,
            ports=self.ports,
            valkey_url=self._valkey(),
            kafka_bootstrap=self._kafka(),
            passed=self._passed,
        )
        self._bootstrap = around.kafka_bootstrap
        self.supervisor.add(services.mail(around), Stage.SERVICE)
        self._prepare_databases(databases)
        self._make_topics()
        if not self._stores_only:
            for name in GRPC_SERVICES:
                if services.exists(name):
                    self.supervisor.add(GrpcService(name=name, around=around), Stage.SERVICE)
            if services.exists("gateway"):
                self.supervisor.add(services.gateway(around), Stage.EDGE)
        self._all_started = True

    def look(self) -> None:
        """Do what has become due, then rest a moment. Raises Refused when a service cannot use its settings."""
        self.supervisor.look()
        if self._topics_due and time.monotonic() - self._topics_tried > RETRY_SECONDS:
            self._make_topics()
        time.sleep(LOOK_EVERY)

    def is_ready(self) -> bool:
        """Whether everything was started, every process answers and the topics are there."""
        return self._all_started and not self._topics_due and self.supervisor.all_ready()

    def stop(self) -> None:
        self.supervisor.stop()

    def _clusters(self) -> dict[str, str]:
        """The administrator's URL of each cluster, which is started unless it is somebody else's."""
        postgresql = self._cluster("postgresql", self._settings.postgres_administrator_url_file, POSTGRES_SETTINGS)
        vault = self._cluster(VAULT, self._settings.vault_administrator_url_file, VAULT_SETTINGS)
        return {"postgresql": postgresql, VAULT: vault}

    def _cluster(self, name: str, outside: Path | None, settings: dict[str, str]) -> str:
        if outside is not None:
            try:
                url = outside.read_text().strip()
            except OSError as error:
                raise SettingInvalid(f"{outside}: {error.strerror}; put the administrator's URL there.") from error
            self.outside[name] = url.rpartition("@")[2]
            return url
        cluster = Postgres(
            name=name,
            directory=self._home.root / name,
            port=self.ports[name],
            password=ensure_password(self._home.secrets / f"{name}_administrator.password", entropy=self._entropy),
            log=self._home.logs / f"{name}.log",
            settings=settings,
        )
        self._started(cluster)
        return cluster.superuser_url

    def _valkey(self) -> str:
        if self._settings.valkey_url is not None:
            self.outside["valkey"] = self._settings.valkey_url.rpartition("@")[2]
            return self._settings.valkey_url
        valkey = Valkey(
            name="valkey",
            directory=self._home.root / "valkey",
            port=self.ports["valkey"],
            password=ensure_password(self._home.secrets / "valkey.password", entropy=self._entropy),
            log=self._home.logs / "valkey.log",
        )
        self._started(valkey)
        return valkey.url

    def _kafka(self) -> str:
        if self._settings.kafka_bootstrap is not None:
            self.outside["kafka"] = self._settings.kafka_bootstrap
            return self._settings.kafka_bootstrap
        broker = Tansu(name="kafka", port=self.ports["kafka"], log=self._home.logs / "kafka.log")
        self._started(broker)
        return broker.bootstrap

    def _started(self, store: Postgres | Valkey | Tansu) -> None:
        try:
            store.start()
        except NotReady:
            store.process.kill()
            raise
        self.supervisor.add_running(store)

    def _prepare_databases(self, clusters: Mapping[str, str]) -> None:
        """Roles, databases, schemas. Waits for a cluster of somebody else's that does not answer yet."""
        waiting = False
        while True:
            try:
                self._provision(clusters)
                return
            except (OSError, asyncpg.CannotConnectNowError, DatabaseUnavailable) as error:
                if not self.outside:
                    raise NotReady(f"PostgreSQL does not answer: {error}") from error
                if not waiting:
                    self._say(f"PostgreSQL does not answer at {', '.join(self.outside.values())}; waiting for it.")
                waiting = True
                time.sleep(RETRY_SECONDS)
            except asyncpg.PostgresError as error:
                raise NotReady(f"PostgreSQL refused to be set up: {error}") from error

    def _provision(self, clusters: Mapping[str, str]) -> None:
        known = schemas()
        for name in known:
            provision_with_files(
                administrator_url=clusters[VAULT if name == VAULT else "postgresql"],
                service=name,
                secrets=self._home.secrets,
                entropy=self._entropy,
            )

        async def all_of_them() -> None:
            await asyncio.gather(*(self._migrate(name, schema.directories) for name, schema in known.items()))

        asyncio.run(all_of_them())

    def _migrate(self, name: str, directories: tuple[Path, ...]) -> Coroutine[Any, Any, Any]:
        owner = (self._home.secrets / f"{name}_owner.url").read_text()
        return migrate(owner, directories, service=name)

    def _make_topics(self) -> None:
        self._topics_tried = time.monotonic()
        try:
            replicas = BROKERS_DEFAULT if "kafka" in self.outside else 1
            asyncio.run(ensure_topics(self._bootstrap, TOPICS, replicas=replicas, timeout=5))
        except BrokerUnavailable as error:
            self._topics_due = True
            if str(error) != self._topics_complaint:
                self._topics_complaint = str(error)
                self._say(f"Kafka: {error}; the services wait for it.")
            return
        self._topics_due = False
        self._topics_complaint = ""
        self._changed()

    def _piece_changed(self, piece: Piece, state: State) -> None:
        if piece.name == "kafka" and state is State.WAITING:
            self._topics_due = True  # it forgets its topics when it ends
        self._changed()
