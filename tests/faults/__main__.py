"""`python -m tests.faults --kills 50 --seed 7`: a stack of its own, a load, random kills, and what was found.

Exit codes: 0 when the invariants held, 1 when they did not.
"""

import argparse
import asyncio
import secrets
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

from rich.console import Console

from tests.faults.campaign import campaign, show
from tests.support.stack import LocalStack, prepared_home

SETTINGS = {
    # All people at work are one address to the gateway's limits.
    "WARDENRY_GATEWAY_AUTHENTICATION_RATE": "6000",
    "WARDENRY_GATEWAY_STANDARD_RATE": "60000",
    # What is tried is not how hard passwords are to guess: the least cost leaves the machine to everything else.
    "WARDENRY_IDENTITY_PASSWORD_HASH_SECONDS": "0.01",
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description="Kills under load, and what they did.")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=None, help="the one printed by an earlier run repeats its kills")
    parser.add_argument("--workers", type=int, default=3, help="people at work")
    asked = parser.parse_args()
    seed = secrets.randbelow(1_000_000) if asked.seed is None else asked.seed
    console = Console(highlight=False, width=120)
    console.print(f"{asked.kills} kills by seed {seed}")
    with TemporaryDirectory(prefix="wardenry-faults-") as directory:
        Path(directory).chmod(0o711)
        stack = LocalStack(prepared_home(Path(directory) / "home"), environment=SETTINGS)
        try:
            stack.start()
            report = asyncio.run(campaign(stack, kills=asked.kills, seed=seed, workers=asked.workers))
            show(report, console)
            if report.findings:
                kept = shutil.copytree(
                    stack.home / "logs", mkdtemp(prefix=f"wardenry-faults-{seed}-"), dirs_exist_ok=True
                )
                console.print(f"The processes' logs are kept in {kept}")
        finally:
            stack.end()
    return 1 if report.findings else 0


if __name__ == "__main__":
    raise SystemExit(main())
