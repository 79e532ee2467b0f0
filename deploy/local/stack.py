"""The local stack as a whole: from an empty directory to a page that answers, and back."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, TypeVar

import asyncpg

from deploy.local import services
from deploy.local.home import Home
from deploy.local.kafka import Kafka
from deploy.local.outside import Outside
from deploy.local.ports import another, choose, is_free
from deploy.local.postgres import Postgres
from deploy.local.process import NotReady
from deploy.local.secrets import SOURCES, ensure_password, ensure_secrets
from deploy.local.services import GRPC_SERVICES, GrpcService, Surroundings
from deploy.local.settings import Broker, StackSettings, administrator_url, host_and_port
from deploy.local.supervisor import LOOK_EVERY, Piece, Stage, State, Supervisor
from deploy.local.tansu import Tansu
from deploy.local.valkey import Valkey
from deploy.pki.development import ensure_certificates
from deploy.postgres.provision import provision_with_files, write_secret
from libs.db.errors import DatabaseUnavailable, translated
from libs.db.migrations import migrate
from libs.db.schemas import schemas
from libs.events.admin import ensure_topics
from libs.events.errors import BrokerUnavailable
from libs.ids import Entropy
from wardenry.clock import Clock

#: Databases on the vault's own cluster; every other one is on the services' cluster.
VAULT = "vault"
POSTGRESQL = "postgresql"
KAFKA = "kafka"
RETRY_SECONDS = 1.0
TOPICS = tuple(f"wardenry.{source}.v1" for source in SOURCES)
#: How many replicas a topic has: as many as the broker's operator decided.
BROKERS_DEFAULT = -1
#: Modest, since two clusters share a newcomer's machine with everything else.
POSTGRES_SETTINGS = {"max_connections": "200", "shared_buffers": "64MB", "password_encryption": "scram-sha-256"}
VAULT_SETTINGS = {
    "max_connections": "40",
    "shared_buffers": "16MB",
    "password_encryption": "scram-sha-256",
    # WAL that is over is removed. By default its files are kept for reuse, with what they held.
    "wal_recycle": "off",
}

_Store = TypeVar("_Store", Postgres, Valkey, Tansu, Kafka)


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
        self._say = say
        self._changed = changed
        self._clusters: dict[str, str] = {}
        self._around: Surroundings
        self._databases_due = True
        self._services_due = not stores_only
        self._topics_due = True
        self._tried = 0.0
        self._complaints: set[str] = set()
        self.outside: dict[str, Outside] = {}
        self.ports: dict[str, int] = {}
        self._asked: dict[str, int] = {}
        self.supervisor = Supervisor(say=say, changed=self._piece_changed)

    def start(self) -> None:
        """Start what is ours, in order. What waits for a store of somebody else's follows in `look`.

        Raises SettingInvalid, PortOccupied, NotReady, NoBroker, Unreachable: each with one line that says what to do.
        """
        settings, home = self._settings, self._home
        asked = {"gateway-http": settings.http_port, "gateway-https": settings.https_port}
        self._asked = {name: port for name, port in asked.items() if port is not None}
        self.ports = choose(remembered=home.ports(), asked=self._asked)
        home.save_ports(self.ports)
        ensure_certificates(home.pki, clock=self._clock)
        ensure_secrets(home.secrets, entropy=self._entropy)
        self._clusters = {
            POSTGRESQL: self._cluster(
                POSTGRESQL, "PostgreSQL", settings.postgres_administrator_url_file, POSTGRES_SETTINGS
            ),
            VAULT: self._cluster(
                VAULT, "The vault's PostgreSQL", settings.vault_administrator_url_file, VAULT_SETTINGS
            ),
        }
        self._around = Surroundings(
            settings=settings,
            home=home,
            ports=self.ports,
            valkey_url=self._valkey(),
            kafka_bootstrap=self._kafka(),
            passed=self._passed,
        )
        self._keep_free("mail-smtp", "mail-http")
        self.supervisor.add(services.mail(self._around), Stage.SERVICE)
        self._advance()

    def look(self) -> None:
        """Do what has become due, then rest a moment. Raises Refused when a service cannot use its settings, and
        what `start` raises."""
        self.supervisor.look()
        self._advance()
        time.sleep(LOOK_EVERY)

    def is_ready(self) -> bool:
        """Whether everything was started, everything answers and the topics are there."""
        return (
            not self._databases_due
            and not self._services_due
            and not self._topics_due
            and self.supervisor.all_ready()
            and all(store.answers for store in self.outside.values())
        )

    def stop(self) -> None:
        self._home.operator.unlink(missing_ok=True)
        self.supervisor.stop()

    def _cluster(self, name: str, title: str, outside: Path | None, settings: dict[str, str]) -> str:
        """The administrator's URL of a cluster, which is started unless it is somebody else's."""
        if outside is not None:
            url = administrator_url(outside)
            self._is_outside(name, title, host_and_port(url))
            return url
        password = ensure_password(self._home.secrets / f"{name}_administrator.password", entropy=self._entropy)

        def cluster() -> Postgres:
            return Postgres(
                name=name,
                directory=self._home.root / name,
                port=self.ports[name],
                password=password,
                log=self._home.logs / f"{name}.log",
                settings=settings,
            )

        return self._started(cluster, name).superuser_url

    def _valkey(self) -> str:
        if self._settings.valkey_url is not None:
            self._is_outside("valkey", "Valkey", host_and_port(self._settings.valkey_url))
            return self._settings.valkey_url
        password = ensure_password(self._home.secrets / "valkey.password", entropy=self._entropy)

        def valkey() -> Valkey:
            return Valkey(
                name="valkey",
                directory=self._home.root / "valkey",
                port=self.ports["valkey"],
                password=password,
                log=self._home.logs / "valkey.log",
            )

        return self._started(valkey, "valkey").url

    def _kafka(self) -> str:
        if self._settings.kafka_bootstrap is not None:
            self._is_outside(KAFKA, "Kafka", self._settings.kafka_bootstrap)
            return self._settings.kafka_bootstrap
        log = self._home.logs / "kafka.log"

        def kafka() -> Kafka:
            return Kafka(
                name=KAFKA,
                directory=self._home.root / "kafka",
                port=self.ports[KAFKA],
                controller_port=self.ports["kafka-controller"],
                log=log,
                entropy=self._entropy,
                say=self._say,
            )

        if self._settings.broker is Broker.KAFKA:
            return self._started(kafka, KAFKA, "kafka-controller").bootstrap
        return self._started(lambda: Tansu(name=KAFKA, port=self.ports[KAFKA], log=log), KAFKA).bootstrap

    def _is_outside(self, name: str, title: str, address: str) -> None:
        self.outside[name] = Outside(name=name, title=title, address=address, say=self._say)

    def _started(self, make: Callable[[], _Store], *ports: str) -> _Store:
        """The store that `make` makes on these ports, started; made anew where another program took one meanwhile."""
        while True:
            store = make()
            try:
                store.start()
            except NotReady:
                store.process.kill()
                if not self._keep_free(*ports):
                    raise
            else:
                self.supervisor.add_running(store)
                return store

    def _keep_free(self, *names: str) -> bool:
        """Gives each of these another port if its own was taken since it was chosen, and was not asked for; and says
        whether one was. What does not run yet can still move."""
        taken = [name for name in names if name not in self._asked and not is_free(self.ports[name])]
        for name in taken:
            port, self.ports[name] = self.ports[name], another(name, ports=self.ports)
            self._say(f"Port {port} was taken by another program just now: {name} uses {self.ports[name]}.")
        if taken:
            self._home.save_ports(self.ports)
        return bool(taken)

    def _advance(self) -> None:
        """Take the next steps that the stores of others allow: databases, topics, services."""
        for store in self.outside.values():
            if store.look():
                self._topics_due |= store.name == KAFKA  # one that comes back may have forgotten them
                self._changed()
        due = self._databases_due or self._topics_due
        if not due or time.monotonic() - self._tried < RETRY_SECONDS:
            return
        if self._databases_due and self._answer(POSTGRESQL, VAULT):
            self._prepare_databases()
        if self._topics_due and self._answer(KAFKA):
            self._make_topics()
        if self._services_due and not self._databases_due:
            self._start_services()
        self._tried = time.monotonic()

    def _answer(self, *names: str) -> bool:
        """Whether these do, or are our own, which the supervisor sees to."""
        return all(self.outside[name].answers for name in names if name in self.outside)

    def _prepare_databases(self) -> None:
        """Roles, databases, schemas."""
        try:
            self._provision()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, DatabaseUnavailable) as error:
            outside = [self.outside[name].address for name in self._clusters if name in self.outside]
            passing = isinstance(error, DatabaseUnavailable) or isinstance(translated(error), DatabaseUnavailable)
            if not passing or not outside:
                which = f" at {' and '.join(outside)}" if outside else ""
                raise NotReady(f"PostgreSQL{which} could not be set up: {error}") from error
            self._complain(f"PostgreSQL at {' and '.join(outside)} does not take log-ins yet; waiting for it.")
            return
        self._databases_due = False

    def _start_services(self) -> None:
        """Start them whether or not the broker answers: they wait for it by themselves."""
        self._services_due = False
        self._keep_free(*GRPC_SERVICES, "gateway-http", "gateway-https")
        write_secret(self._home.operator, services.operator_environment(self._around).encode())
        for name in GRPC_SERVICES:
            self.supervisor.add(GrpcService(name=name, around=self._around), Stage.SERVICE)
        self.supervisor.add(services.gateway(self._around), Stage.EDGE)

    def _complain(self, line: str) -> None:
        """Say it once."""
        if line not in self._complaints:
            self._complaints.add(line)
            self._say(line)

    def _provision(self) -> None:
        known = schemas()
        for name in known:
            provision_with_files(
                administrator_url=self._clusters[VAULT if name == VAULT else POSTGRESQL],
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
        replicas = BROKERS_DEFAULT if KAFKA in self.outside else 1
        try:
            asyncio.run(ensure_topics(self._around.kafka_bootstrap, TOPICS, replicas=replicas, timeout=5))
        except BrokerUnavailable as error:
            self._complain(f"Kafka: {error}; the services wait for it.")
            return
        self._topics_due = False
        self._changed()

    def _piece_changed(self, piece: Piece, state: State) -> None:
        if piece.name == KAFKA and state is State.WAITING:
            self._topics_due = True  # it forgets its topics when it ends
        self._changed()
