"""The operator's command, as a person types it: a process of its own."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from libs.db.schemas import ROOT


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What the command wrote, and how it ended."""

    code: int
    out: str
    error: str


class Wardenry:
    """`wardenry`, beside one local stack: `wardenry("status", "--json")`."""

    def __init__(self, *, home: Path) -> None:
        """`home` is the stack's, which does not have to run."""
        self._home = home

    def __call__(self, *arguments: str, environment: Mapping[str, str] | None = None, at: Path = ROOT) -> Said:
        """Runs it in the directory `at`, and waits for its end."""
        process = self.spawn(*arguments, environment=environment, at=at)
        out, error = process.communicate(timeout=120)
        return Said(code=process.returncode, out=out, error=error)

    def spawn(
        self,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        at: Path = ROOT,
        out: int | IO[str] = subprocess.PIPE,
    ) -> "subprocess.Popen[str]":
        """Starts it without waiting; it writes to `out`."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(("WARDENRY_", "GRPC_"))}
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "services.operator", *arguments],
            cwd=at,
            env=own | {"WARDENRY_HOME": str(self._home), "COLUMNS": "80"} | dict(environment or {}),
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
        )
