"""`python -m services.identity`: people, their credentials, and the vault."""

from functools import partial

from libs.config.settings import load
from libs.rpc.process import run
from services.identity.config import IdentitySettings
from services.identity.wiring import serve


def main() -> None:
    settings = load(IdentitySettings)
    run(partial(serve, settings), settings=settings)


if __name__ == "__main__":
    main()
