"""A real browser: Debian's Chromium, without a window."""

import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.e2e.person import Meet, Person
from tests.support.stack import LocalStack

#: Chromium as root in a closed network: no sandbox of its own, and no calls home, which would only be refused.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture
def chromium() -> Iterator[Browser]:
    """Skips, saying why, where no Chromium is installed.

    For each test anew: while Playwright's synchronous side runs, no other event loop can run in this thread.
    """
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("no chromium on this machine (Debian: apt-get install chromium); the browser tests did not run")
    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def screenshots(tmp_path: Path) -> Path:
    """Where a test puts pictures of what it saw."""
    directory = tmp_path / "screenshots"
    directory.mkdir()
    return directory


@pytest.fixture
def meet(chromium: Browser, stack: LocalStack, screenshots: Path) -> Iterator[Meet]:
    """Makes people, who must have had nothing to complain about in the end."""
    run = secrets.token_hex(4)
    met: list[Person] = []

    def make(name: str, *, like: Person | None = None) -> Person:
        """Somebody new; or a second browser of somebody."""
        urls = stack.state["urls"]
        person = Person(chromium, origin=urls["http"], mail=urls["mail"], screenshots=screenshots, name=name, run=run)
        if like is not None:
            person.address, person.password = like.address, like.password
        met.append(person)
        return person

    yield make
    complaints = [f"{person.name}: {complaint}" for person in met for complaint in person.complaints]
    for person in met:
        person.close()
    assert not complaints
