"""The static files of pages: style, script, icon. A page names each by its content, so a browser fetches it once."""

import hashlib
from pathlib import Path

from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

_DIRECTORY = Path(__file__).parents[1] / "pages" / "static"
_PATH = "/static"
#: Under the name of its content a file never changes (RFC 8246); under its plain name a browser asks each time.
_FOR_EVER = "public, max-age=31536000, immutable"
_ASKING = "no-cache"


class Assets:
    """Where static files are, and how they are served."""

    def __init__(self) -> None:
        """Reads them once. Raises OSError."""
        self._digests = {
            file.name: hashlib.sha256(file.read_bytes()).hexdigest()[:16] for file in sorted(_DIRECTORY.iterdir())
        }

    def url(self, name: str) -> str:
        """The address of the file as it is now."""
        return f"{_PATH}/{name}?{self._digests[name]}"

    def route(self) -> Mount:
        """Serves them. They hold no secret and repeat nothing that was sent, so they may be compressed, which pages
        may not: a page holds a secret beside text of others' choosing (BREACH)."""
        return Mount(_PATH, GZipMiddleware(_Files(self._digests), minimum_size=500))


class _Files(StaticFiles):
    def __init__(self, digests: dict[str, str]) -> None:
        super().__init__(directory=_DIRECTORY)
        self._digests = digests

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        named = scope["query_string"] and scope["query_string"].decode("latin-1") == self._digests.get(path)
        response.headers["cache-control"] = _FOR_EVER if named else _ASKING
        return response
