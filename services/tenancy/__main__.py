"""`python -m services.tenancy`: workspaces, memberships, invitations, permissions."""

from functools import partial

from libs.config.settings import load
from libs.rpc.process import run
from services.tenancy.config import TenancySettings
from services.tenancy.wiring import serve


def main() -> None:
    settings = load(TenancySettings)
    run(partial(serve, settings), settings=settings)


if __name__ == "__main__":
    main()
