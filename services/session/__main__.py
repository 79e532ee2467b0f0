"""`python -m services.session`: sessions, grants and tokens."""

import asyncio

from libs.config.settings import load
from libs.rpc.process import run
from services.session.config import SessionSettings
from services.session.wiring import serve


def main() -> None:
    settings = load(SessionSettings)

    async def until(stopping: asyncio.Event) -> None:
        await serve(settings, stopping)

    run(until, settings=settings)


if __name__ == "__main__":
    main()
