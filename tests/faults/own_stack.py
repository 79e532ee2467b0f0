"""A stack for kills alone: what other tests erase on a shared one would be missed here."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.rates import BUSY
from tests.support.stack import LocalStack, prepared_home

_SETTINGS = {
    # All people at work are one address to the limits.
    **BUSY,
    # Sessions at work here refresh without a pause.
    "WARDENRY_SESSION_REFRESH_BURST": "1000000",
    # What is tried is not how hard passwords are to guess: the least cost leaves the machine to everything else.
    "WARDENRY_IDENTITY_PASSWORD_HASH_SECONDS": "0.01",
}


@contextmanager
def own_stack() -> Iterator[LocalStack]:
    """The whole suite in a directory of its own, ended and removed afterwards."""
    with TemporaryDirectory(prefix="wardenry-faults-") as directory:
        Path(directory).chmod(0o711)
        stack = LocalStack(prepared_home(Path(directory) / "home"), environment=_SETTINGS)
        try:
            stack.start()
            yield stack
        finally:
            stack.end()
