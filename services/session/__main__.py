"""`python -m services.session`: sessions, grants and tokens."""

from functools import partial

from libs.config.settings import load
from libs.rpc.process import run
from services.session.config import SessionSettings
from services.session.wiring import serve


def main() -> None:
    settings = load(SessionSettings)
    run(partial(serve, settings), settings=settings)


if __name__ == "__main__":
    main()
