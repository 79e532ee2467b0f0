"""`python -m services.tenancy`: workspaces, memberships, invitations, permissions."""

import asyncio

from libs.config.settings import load
from libs.rpc.process import run
from services.tenancy.config import TenancySettings
from services.tenancy.wiring import serve


def main() -> None:
    settings = load(TenancySettings)

    async def until(stopping: asyncio.Event) -> None:
        async with serve(settings):
            await stopping.wait()

    run(until, settings=settings)


if __name__ == "__main__":
    main()
