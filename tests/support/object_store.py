"""What an S3 client sees of an object store, over HTTP: objects in memory, and what can go wrong with it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


class Mood(Enum):
    """How it answers."""

    WELL = "well"
    #: It takes the call and says nothing.
    HANGS = "hangs"
    #: It says how much there is and hangs up after half of it.
    HALF = "half"
    #: Its disks are full.
    FULL = "full"


class S3ForTests:
    """One bucket."""

    def __init__(self) -> None:
        self.stored: dict[str, bytes] = {}
        self.mood = Mood.WELL
        self.goes_on = threading.Event()
        handler = type("Handler", (_Handler,), {"store": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which S3's clients find it."""
        return {
            "AWS_ENDPOINT": f"http://127.0.0.1:{self._server.server_port}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": "tests",
            "AWS_SECRET_ACCESS_KEY": "tests",
        }

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.goes_on.set()
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    store: S3ForTests

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        if self.store.mood is Mood.HANGS:
            self.store.goes_on.wait()
        if self.store.mood is Mood.FULL:
            self._answer(507, b"")
            return
        self.store.stored[self._key] = data
        self._answer(200, b"")

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        if self.store.mood is Mood.HANGS:
            self.store.goes_on.wait()
        if "list-type" in query:
            self._answer(200, self._listed(query))
        elif (data := self.store.stored.get(self._key)) is None:
            self._answer(404, b"")
        else:
            self._answer(200, data, cut=self.store.mood is Mood.HALF)

    @property
    def _key(self) -> str:
        return unquote(urlsplit(self.path).path).removeprefix("/bucket/")

    def _listed(self, query: dict[str, list[str]]) -> bytes:
        after, prefix = query.get("start-after", [""])[0], query.get("prefix", [""])[0]
        found = "".join(
            f"<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
            f"<ETag>x</ETag><Size>{len(data)}</Size></Contents>"
            for key, data in sorted(self.store.stored.items())
            if key > after and key.startswith(prefix)
        )
        return f"<ListBucketResult><IsTruncated>false</IsTruncated>{found}</ListBucketResult>".encode()

    def _answer(self, status: int, data: bytes, *, cut: bool = False) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("ETag", '"x"')
        self.send_header("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
        self.end_headers()
        self.wfile.write(data[: len(data) // 2] if cut else data)
        if cut:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


@contextmanager
def s3_for_tests() -> Iterator[S3ForTests]:
    store = S3ForTests()
    store.start()
    try:
        yield store
    finally:
        store.stop()
