"""`python -m services.audit`: the append-only log."""

from functools import partial

from libs.config.settings import load
from libs.rpc.process import run
from services.audit.config import AuditSettings
from services.audit.wiring import serve


def main() -> None:
    settings = load(AuditSettings)
    run(partial(serve, settings), settings=settings)


if __name__ == "__main__":
    main()
