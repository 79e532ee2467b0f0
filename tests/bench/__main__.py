"""`python -m tests.bench`: measures the rows of the goals, each beside its limit, on this machine, now.

Exit codes: 0 when every row was measured or says what it lacks, whether or not its goal was met; 1 when one failed.
"""

import argparse
import os
import signal
import sys
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import uvloop
from rich.console import Console

from libs.db.schemas import ROOT
from tests.bench import picture, report
from tests.bench.machine import Cores, description, load, yardstick
from tests.bench.measurement import Bench, Measurement, NotMeasured
from tests.bench.rows import ingest, introspection, memory, refresh, verification

ROWS: Mapping[str, Callable[[Bench], Awaitable[Sequence[Measurement]]]] = {
    "R1": refresh.measure,
    "T1": verification.measure,
    "V1": introspection.measure,
    "A1": ingest.measure,
    "M1": memory.measure,
}
#: Microseconds, on the machine of the goals.
USUAL_SIGNATURE = 81
DEFAULT_JSON = ROOT / "build" / "bench" / "results.json"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measures the rows of the goals.")
    parser.add_argument("--rows", default=",".join(ROWS), help=f"which, with commas; all of {', '.join(ROWS)} without")
    parser.add_argument("--json", type=Path, default=DEFAULT_JSON, help="where the list for programs is written")
    parser.add_argument("--quick", action="store_true", help="at most ten seconds a row, apart from starting things")
    arguments = parser.parse_args()
    asked = [row for row in arguments.rows.split(",") if row]
    if unknown := [row for row in asked if row not in ROWS]:
        parser.error(f"no row is called {', '.join(unknown)}; there are {', '.join(ROWS)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started is ended on the way out
    bench = Bench(quick=arguments.quick, cores=Cores.of_this_machine(), say=say)
    bench.state["machine"] = description()
    bench.state["load average before"] = load()
    measurements: list[Measurement] = []
    missing: list[tuple[str, str]] = []
    failed: list[str] = []
    signatures = [yardstick()]
    for row in asked:
        began = time.monotonic()
        try:
            measurements += run(ROWS[row], bench)
        except NotMeasured as reason:
            missing.append((row, str(reason)))
        except Exception:
            traceback.print_exc()
            failed.append(row)
            missing.append((row, "failed; the error is on stderr"))
        signatures.append(yardstick())
        say(f"{row}: {time.monotonic() - began:.0f} s")
    bench.state.update(
        {
            "load average after": load(),
            "yardstick": f"one Ed25519 verification {min(signatures):.0f} to {max(signatures):.0f} µs of CPU, between"
            f" rows; {USUAL_SIGNATURE} where the goals were set",
            "pinning": str(bench.cores),
            "measured": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {'quick' if bench.quick else 'in full'},"
            f" rows {', '.join(asked)}",
        }
    )
    report.write_json(measurements, arguments.json)
    picture.write(measurements, arguments.json.with_suffix(".svg"))
    console = Console(highlight=False)
    if not console.is_terminal and not os.environ.get("COLUMNS"):
        console.width = 150
    report.tell(console, measurements, missing=missing, notes=bench.notes, state=list(bench.state.items()))
    say(f"Written: {arguments.json}, {arguments.json.with_suffix('.svg')}")
    return 1 if failed else 0


def run(measure: Callable[[Bench], Awaitable[Sequence[Measurement]]], bench: Bench) -> Sequence[Measurement]:
    async def measured() -> Sequence[Measurement]:
        return await measure(bench)

    return uvloop.run(measured())


def say(line: str) -> None:
    """How it goes, beside the report."""
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except KeyboardInterrupt:
        raise SystemExit(130) from None
