"""`python -m services.identity`: people, their credentials, and the vault."""

import asyncio

from libs.config.settings import load
from libs.rpc.process import run
from services.identity.config import IdentitySettings
from services.identity.wiring import serve


def main() -> None:
    settings = load(IdentitySettings)

    async def until(stopping: asyncio.Event) -> None:
        async with serve(settings):
            await stopping.wait()

    run(until, settings=settings)


if __name__ == "__main__":
    main()
