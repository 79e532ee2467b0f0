"""The object store: a local directory, S3, Google Cloud Storage or Azure, by its URL."""

from collections.abc import Iterator
from contextlib import contextmanager

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from services.datarights.domain.errors import ObjectsUnavailable


class ObstoreObjects:
    def __init__(self, *, url: str) -> None:
        """`file://` and an absolute directory, which is made; or a bucket's `s3://`, `gs://`, `az://` URL.

        Raises ValueError for another URL.
        """
        try:
            self._store: ObjectStore = (
                LocalStore.from_url(url, mkdir=True, automatic_cleanup=True)
                if url.startswith("file://")
                else from_url(url)
            )
        except (BaseError, ValueError) as error:
            raise ValueError(f"{url} is no URL of an object store") from error

    async def put(self, name: str, content: bytes) -> None:
        with _translated():
            await obstore.put_async(self._store, name, content)

    async def get(self, name: str) -> bytes | None:
        with _translated():
            try:
                found = await obstore.get_async(self._store, name)
                return bytes(await found.bytes_async())
            except FileNotFoundError:
                return None

    async def remove(self, name: str) -> None:
        with _translated():
            try:
                await obstore.delete_async(self._store, name)
            except FileNotFoundError:
                return

    async def remove_below(self, directory: str) -> None:
        with _translated():
            async for batch in obstore.list(self._store, directory):
                for found in batch:
                    await self.remove(found["path"])


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (BaseError, OSError) as error:
        raise ObjectsUnavailable(type(error).__name__) from error
