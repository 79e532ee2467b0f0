"""Runs one use case against the deployment, and says in one line why it could not."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

from libs.config.settings import SettingsInvalid
from libs.controls.refusal import told
from services.operator.config import NothingRuns
from services.operator.terminal.exits import Exit
from services.operator.terminal.output import fail
from wardenry.errors.error import DeadlineExceeded, Unavailable, WardenryError

U = TypeVar("U")
T = TypeVar("T")

#: Opens a use case against the deployment that the environment names.
Opened = Callable[[], AbstractAsyncContextManager[U]]


def run(opened: Opened[U], act: Callable[[U], Awaitable[T]]) -> T:
    """What `act` returns; for what it raises, the command ends with one line on stderr and its exit code."""

    async def whole() -> T:
        async with opened() as use_case:
            return await act(use_case)

    try:
        return asyncio.run(whole())
    except NothingRuns as error:
        fail(str(error), Exit.UNAVAILABLE)
    except SettingsInvalid as error:
        fail(str(error), Exit.CONFIGURATION)
    except (Unavailable, DeadlineExceeded) as error:
        fail(f"The deployment does not answer: {told(error)}.", Exit.UNAVAILABLE)
    except WardenryError as error:
        fail(f"Refused: {told(error)}.", Exit.REFUSED)
    except KeyboardInterrupt:
        fail("Interrupted.", Exit.INTERRUPTED)
    except OSError as error:
        fail(f"{error.filename or 'The deployment'}: {error.strerror or error}.", Exit.CONFIGURATION)
