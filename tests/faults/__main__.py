"""`python -m tests.faults --kills 50 --seed 7`: a stack of its own, a load, random kills, and what was found.

Exit codes: 0 when the invariants held, 1 when they did not.
"""

import argparse
import asyncio
import secrets
import shutil
from tempfile import mkdtemp

from rich.console import Console

from tests.faults.campaign import campaign, show
from tests.faults.own_stack import own_stack


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description="Kills under load, and what they did.")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=None, help="the one printed by an earlier run repeats its kills")
    parser.add_argument("--workers", type=int, default=3, help="people at work")
    asked = parser.parse_args()
    seed = secrets.randbelow(1_000_000) if asked.seed is None else asked.seed
    console = Console(highlight=False, width=120)
    console.print(f"{asked.kills} kills by seed {seed}")
    with own_stack() as stack:
        report = asyncio.run(campaign(stack, kills=asked.kills, seed=seed, workers=asked.workers))
        show(report, console)
        if report.findings:
            kept = shutil.copytree(stack.home / "logs", mkdtemp(prefix=f"wardenry-faults-{seed}-"), dirs_exist_ok=True)
            console.print(f"The processes' logs are kept in {kept}")
    return 1 if report.findings else 0


if __name__ == "__main__":
    raise SystemExit(main())
