"""`python -m tests.mutants [NAME …]`: takes away one guard at a time, in a copy; its tests must notice.

Exit codes: 0 when every mutant was noticed; 1 when one survived, a guard is no longer where the registry says, or the
tests do not pass with all guards in place.
"""

import argparse
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from libs.db.schemas import ROOT
from tests.mutants.registry import MUTANTS
from tests.mutants.scratch import PatchMisfit, ScratchTree, Verdict


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description="Guards, taken away one at a time.")
    parser.add_argument("names", nargs="*", help="which mutants; all without any")
    asked = parser.parse_args().names
    unknown = set(asked) - {mutant.name for mutant in MUTANTS}
    if unknown:
        parser.error(f"no mutant is called {', '.join(sorted(unknown))}")
    chosen = [mutant for mutant in MUTANTS if not asked or mutant.name in asked]
    console = Console(highlight=False, width=120)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("without", "noticed by", "verdict", "s"):
        table.add_column(heading)
    survived = 0
    with TemporaryDirectory(prefix="wardenry-mutants-") as directory:
        Path(directory).chmod(0o711)
        scratch = ScratchTree(tree=ROOT, directory=Path(directory))
        intact = scratch.run(sorted({test for mutant in chosen for test in mutant.tests}))
        if intact.failed or intact.errors or not intact.passed:
            sys.stderr.write(intact.output)
            sys.stderr.write("The tests do not pass with all guards in place, so their failing would mean nothing.\n")
            return 1
        console.print(f"With all guards in place {intact.passed} tests pass.\n")
        for mutant in chosen:
            began = time.monotonic()
            try:
                noticed, word = judged(scratch.run_without(mutant))
            except PatchMisfit as misfit:
                noticed, word = False, str(misfit)
            survived += not noticed
            colour = "green" if noticed else "red"
            tests = "\n".join(test.rpartition("/")[2].replace("::", ": ") for test in mutant.tests)
            seconds = f"{time.monotonic() - began:.0f}"
            table.add_row(mutant.name, escape(tests), f"[{colour}]{escape(word)}[/{colour}]", seconds)
            console.print(f"{mutant.name}: {word} ({seconds} s)", markup=False)
    console.print()
    console.print(table)
    return 1 if survived else 0


def judged(verdict: Verdict) -> tuple[bool, str]:
    """Whether a test failed, and in words. One that could not run has noticed nothing."""
    if verdict.failed:
        return True, f"killed, {len(verdict.failed)} failed"
    if verdict.errors:
        return False, "UNDECIDED: the tests did not run"
    return False, f"SURVIVED: {verdict.passed} passed"


if __name__ == "__main__":
    raise SystemExit(main())
