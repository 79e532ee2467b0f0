"""`python -m services.datarights`: access to one's own data, and its erasure."""

from functools import partial

from libs.config.settings import load
from libs.rpc.process import run
from services.datarights.config import DatarightsSettings
from services.datarights.wiring import serve


def main() -> None:
    settings = load(DatarightsSettings)
    run(partial(serve, settings), settings=settings)


if __name__ == "__main__":
    main()
