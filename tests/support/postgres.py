"""Real PostgreSQL for tests: one cluster for a test process, a fresh database for whoever asks."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import asyncpg

from deploy.local.postgres import Postgres
from deploy.postgres.provision import LOGINS, on_database, provision, role_url
from libs.db.migrations import migrate
from libs.db.schemas import ROOT, schemas
from libs.ids import Entropy
from tests.support.ports import free_port

CONTEXT = ROOT / "libs" / "db" / "sql"
#: What makes a cluster quick and forgetful. Nothing that changes what a statement means.
QUICK = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    # It would visit every database of every test, at moments of its own choice.
    "autovacuum": "off",
    "shared_buffers": "64MB",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceDatabase:
    """A database of one test, with the roles that the service has in production."""

    service: str
    name: str
    administrator: str
    passwords: dict[str, str]

    def url(self, role: str) -> str:
        """Where `role` ("owner", "runtime", "relay", "jobs") logs in."""
        password = self.passwords[role]
        return role_url(self.administrator, role=f"{self.service}_{role}", password=password, database=self.name)

    @property
    def owner(self) -> str:
        return self.url("owner")

    @property
    def runtime(self) -> str:
        return self.url("runtime")

    @property
    def relay(self) -> str:
        return self.url("relay")

    @property
    def jobs(self) -> str:
        return self.url("jobs")


class ServiceDatabases(Protocol):
    def __call__(self, service: str, migrations: Sequence[Path] | None = None) -> ServiceDatabase:
        """A fresh database for `service`, with its roles and schema.

        The schema is the product's own for that service; or the context functions followed by the given directories
        or files of migrations, in that order.
        """
        ...


class PostgresForTests:
    """The cluster of one test process. Migrated databases are kept as templates, so that a second one costs a copy."""

    def __init__(self, *, directory: Path, entropy: Entropy, settings: dict[str, str] = QUICK) -> None:
        self._entropy = entropy
        self._passwords = {
            f"{service}_{role}": entropy.bytes(16).hex() for service, roles in LOGINS.items() for role in roles
        }
        self._templates: dict[tuple[str, tuple[Path, ...]], str] = {}
        self._count = 0
        self.server = Postgres(
            name="postgresql",
            directory=directory / "data",
            port=free_port(),
            password=entropy.bytes(16).hex(),
            log=directory / "postgresql.log",
            settings=settings,
        )

    def start(self) -> None:
        self.server.start()

    def stop(self) -> None:
        self.server.process.kill()

    def service_database(self, service: str, migrations: Sequence[Path] | None = None) -> ServiceDatabase:
        directories = schemas()[service].directories if migrations is None else (CONTEXT, *migrations)
        key = (service, directories)
        if key not in self._templates:
            template = self._provisioned(service)
            blocking(lambda: migrate(template.owner, directories, service=service))
            self._templates[key] = template.name
        return self._provisioned(service, template=self._templates[key])

    def _provisioned(self, service: str, template: str | None = None) -> ServiceDatabase:
        self._count += 1
        name = f"{service}_{self._count}"
        passwords = {role: self._passwords[f"{service}_{role}"] for role in LOGINS[service]}
        if template is not None:
            blocking(lambda: copy_database(self.server.superuser_url, template=template, name=name))
        else:
            blocking(
                lambda: provision(
                    administrator_url=self.server.superuser_url,
                    service=service,
                    passwords=passwords,
                    entropy=self._entropy,
                    database=name,
                )
            )
        return ServiceDatabase(
            service=service, name=name, administrator=on_database(self.server.superuser_url, name), passwords=passwords
        )


async def waits_for_a_lock(administrator_url: str, *, seconds: float = 60) -> None:
    """Until somebody waits for a lock of the cluster."""
    deadline = time.monotonic() + seconds
    connection = await asyncpg.connect(administrator_url)
    try:
        while not await connection.fetchval("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"):
            assert time.monotonic() < deadline, "nobody waits"
            await asyncio.sleep(0.01)
    finally:
        await connection.close()


async def copy_database(administrator_url: str, *, template: str, name: str) -> None:
    """With its owner and with who may connect, which PostgreSQL does not copy. Roles are the cluster's."""
    connection = await asyncpg.connect(administrator_url)
    try:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        await connection.execute(
            "UPDATE pg_database SET datdba = copied.datdba, datacl = copied.datacl FROM pg_database AS copied"
            " WHERE copied.datname = $1 AND pg_database.datname = $2",
            template,
            name,
        )
    finally:
        await connection.close()


def blocking(work: Callable[[], Coroutine[Any, Any, Any]]) -> None:
    """Run a coroutine to its end from plain code, even where a loop already runs in this thread."""
    with ThreadPoolExecutor(max_workers=1) as executor:
        executor.submit(lambda: asyncio.run(work())).result()
