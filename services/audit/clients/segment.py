"""Segments in an object store: a directory, or S3, Google Cloud Storage, Azure."""

import asyncio
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from services.audit.domain.errors import ObjectsUnavailable
from services.audit.domain.segment import segments_from

_FOLDER = "segments/"


class ObjectStoreSegments:
    """Satisfies services.audit.domain.ports.SegmentObjects. Credentials for the clouds come from their usual
    variables and instance metadata."""

    def __init__(self, *, url: str, timeout: float = 5.0) -> None:
        """`timeout` is for one object, or one list, in seconds; the transaction that numbers a segment is open for as
        long. Nothing is reached yet. Raises ValueError for a URL that names no store."""
        self._url = url
        self._timeout = timeout
        #: A disk that hangs keeps this thread, and no other that somebody needs.
        self._syncing = ThreadPoolExecutor(max_workers=1, thread_name_prefix="segments")
        self._directory: Path | None = None
        if urlsplit(url).scheme == "file":
            self._directory = Path(unquote(urlsplit(url).path))

    async def put(self, name: str, data: bytes) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                await obstore.put_async(self._store(), name, data)
                if self._directory is not None:
                    loop = asyncio.get_running_loop()
                    await loop.run_in_executor(self._syncing, _sync, self._directory, name)
        except (BaseError, OSError) as error:
            raise ObjectsUnavailable(_first_line(error)) from error

    async def get(self, name: str) -> bytes | None:
        try:
            async with asyncio.timeout(self._timeout):
                found = await obstore.get_async(self._store(), name)
                return bytes(await found.bytes_async())
        except FileNotFoundError:
            return None
        except (BaseError, OSError) as error:
            raise ObjectsUnavailable(_first_line(error)) from error

    async def names_from(self, number: int) -> Sequence[str]:
        names: list[str] = []
        try:
            async with asyncio.timeout(self._timeout):
                async for found in obstore.list(self._store(), prefix=_FOLDER, offset=segments_from(number)):
                    names += (each["path"] for each in found)
        except (BaseError, OSError) as error:
            raise ObjectsUnavailable(_first_line(error)) from error
        return sorted(names)

    def _store(self) -> ObjectStore:
        # Made for each object: a directory that is away now may be back at the next one.
        if self._directory is not None:
            return LocalStore(self._directory, mkdir=True)
        # No options of the client: they would take the place of all that its usual variables say.
        return from_url(self._url, retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=self._timeout)})


def _sync(directory: Path, name: str) -> None:
    """Makes file and names survive the machine: the store itself leaves that to the kernel."""
    path = directory / name
    for each in (path, *(above for above in path.parents if above.is_relative_to(directory))):
        descriptor = os.open(each, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
