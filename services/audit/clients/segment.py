"""Segments in an object store: a directory, or S3, Google Cloud Storage, Azure."""

import asyncio
import os
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from services.audit.domain.errors import ObjectsUnavailable

#: Seconds for one object. The transaction that numbers a segment is open for as long.
_TIMEOUT = 5.0


class ObjectStoreSegments:
    """Satisfies services.audit.domain.ports.SegmentObjects. Credentials for the clouds come from their usual
    variables and instance metadata."""

    def __init__(self, *, url: str) -> None:
        """Nothing is reached yet. Raises ValueError for a URL that names no store."""
        self._url = url
        self._directory: Path | None = None
        if urlsplit(url).scheme == "file":
            self._directory = Path(unquote(urlsplit(url).path))

    async def put(self, name: str, data: bytes) -> None:
        try:
            async with asyncio.timeout(_TIMEOUT):
                await obstore.put_async(self._store(), name, data)
                if self._directory is not None:
                    await asyncio.to_thread(_sync, self._directory / name)
        except (BaseError, OSError) as error:
            raise ObjectsUnavailable(_first_line(error)) from error

    async def get(self, name: str) -> bytes | None:
        try:
            async with asyncio.timeout(_TIMEOUT):
                found = await obstore.get_async(self._store(), name)
                return bytes(await found.bytes_async())
        except FileNotFoundError:
            return None
        except (BaseError, OSError) as error:
            raise ObjectsUnavailable(_first_line(error)) from error

    def _store(self) -> ObjectStore:
        # Made for each object: a directory that is away now may be back at the next one.
        if self._directory is not None:
            return LocalStore(self._directory, mkdir=True)
        return from_url(
            self._url,
            client_options={"timeout": timedelta(seconds=_TIMEOUT)},
            retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=_TIMEOUT)},
        )


def _sync(path: Path) -> None:
    """Makes file and name survive the machine: the store itself leaves that to the kernel."""
    for each in (path, path.parent):
        descriptor = os.open(each, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
