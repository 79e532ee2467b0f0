"""The databases of a service."""

import asyncio
from pathlib import Path
from types import TracebackType
from typing import Self

from libs.config.secret import SecretInvalid, read_text
from libs.db.errors import DatabaseRefused
from libs.db.pool import Database
from libs.service.settings import DatabaseSettings
from libs.telemetry.observer import SILENT, Observer

#: Connections of the relay and of the jobs, at most: each does few things at a time.
_FEW = 4


class Databases:
    """A pool for each role, opened together and, at the end of `async with`, closed together."""

    def __init__(self, settings: DatabaseSettings, *, observer: Observer = SILENT) -> None:
        """Raises SecretInvalid, OSError."""
        self._observer = observer
        self._all: list[tuple[Database, Path]] = []
        service = settings.service
        self.runtime = self.add(settings.database_url_file, name=service, size=settings.database_connections)
        self.relay = self.add(settings.relay_database_url_file, name=f"{service} relay", size=_FEW)
        self.jobs = self.add(settings.jobs_database_url_file, name=f"{service} jobs", size=_FEW)

    def add(self, url_file: Path, *, name: str, size: int) -> Database:
        """One more, of the URL in the file. Raises SecretInvalid, OSError."""
        database = Database(url=read_text(url_file), name=name, size=size, observer=self._observer)
        self._all.append((database, url_file))
        return database

    async def open(self) -> None:
        """Waits, however long, until all answer. Raises SecretInvalid for a URL that is refused."""
        await asyncio.gather(*(_opened(database, url_file) for database, url_file in self._all))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for database, _ in self._all:
            await database.close()


async def _opened(database: Database, url_file: Path) -> None:
    try:
        await database.open()
    except DatabaseRefused as error:
        raise SecretInvalid(f"the database URL in {url_file} cannot be used: {error}") from None
