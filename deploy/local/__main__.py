"""`python -m deploy.local`: the whole suite on this machine; with `status [--json]`: what of it runs where."""

import argparse
import json
import os
import signal
import sys
import time
from types import FrameType

from rich.console import Console
from rich.markup import escape

from deploy.local.home import Home, HomeUnusable
from deploy.local.ports import PortOccupied
from deploy.local.privileges import Unreachable
from deploy.local.process import NotReady
from deploy.local.report import end_leftovers, state_of, table
from deploy.local.settings import SettingInvalid, StackSettings
from deploy.local.stack import Stack
from deploy.local.supervisor import Refused
from deploy.local.tansu import NoBroker
from libs.db.errors import DatabaseRefused
from libs.db.migrations import MigrationFailed
from libs.ids import SystemEntropy
from libs.terminal_text import OutputLost, written
from wardenry.clock import SystemClock
from wardenry.version import VERSION

#: Seconds until the table is shown in any case; what is not ready by then is still being tried.
WAIT_SECONDS = 90
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopAsked(BaseException):
    """Ctrl-C or SIGTERM arrived, or the terminal was closed."""


def stop_asked(_number: int, _frame: FrameType | None) -> None:
    # A second one has no further effect: what stops, stops, and each step has an end.
    for number in STOPS:
        signal.signal(number, signal.SIG_IGN)
    raise StopAsked


def run(console: Console, *, stores_only: bool) -> int:
    # What the probes of a service that does not answer yet would write over the table.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    settings, passed = StackSettings.read(os.environ)
    home = Home(settings.home)
    home.open()
    left = home.state()
    home.save_state({"pid": os.getpid(), "ready": False, "home": str(home.root), "pieces": []})
    end_leftovers(left)

    def say(line: str) -> None:
        console.print(line, markup=False, soft_wrap=True)

    def save() -> None:
        if stack.ports:
            home.save_state(state_of(stack, home))

    stack = Stack(
        settings=settings,
        passed=passed,
        home=home,
        clock=SystemClock(),
        entropy=SystemEntropy(),
        stores_only=stores_only,
        say=say,
        changed=save,
    )
    for number in STOPS:
        signal.signal(number, stop_asked)
    began = time.monotonic()
    asked = False
    try:
        say(f"Starting Wardenry in {home.root}")
        stack.start()
        while not stack.is_ready() and time.monotonic() - began < WAIT_SECONDS:
            stack.look()
        state = state_of(stack, home)
        console.print()
        console.print(table(state))
        console.print()
        if stack.is_ready():
            if not stores_only:
                console.print(f"Open  [bold]{escape(state['urls']['http'])}[/bold]")
                say(f"      {state['urls']['https']}  is the same over HTTPS; browsers warn of its certificate.")
            say(f"Mail  {state['urls']['mail']}  shows what it sends.")
            say("Next  in another terminal: make demo, .venv/bin/wardenry status; docs/README.md says more.")
            console.print()
            say(f"Ready after {time.monotonic() - began:.1f} s. Ctrl-C stops everything.")
        else:
            say(f"Not everything is ready; it goes on trying. The logs are in {home.logs}. Ctrl-C stops everything.")
        while True:
            stack.look()
    except StopAsked:
        asked = True
        say("Stopping ...")
        return 0
    finally:
        for number in STOPS:
            signal.signal(number, signal.SIG_IGN)
        stack.stop()
        if asked:  # else the reason follows, and is the last word
            say("Stopped.")


def status(console: Console, *, as_json: bool) -> int:
    """0 when a stack runs and is ready, 1 otherwise."""
    settings, _ = StackSettings.read(os.environ)
    home = Home(settings.home)
    state = home.running_state()
    with written():
        if as_json:
            print(json.dumps(state | {"running": bool(state)}, indent=1))
        elif not state:
            console.print(f"Nothing runs in {home.root}; start it with: make run", markup=False, soft_wrap=True)
        else:
            console.print(table(state))
    return 0 if state.get("ready") else 1


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description="The whole suite on this machine.")
    parser.add_argument("--version", action="version", version=f"Wardenry {VERSION}")
    commands = parser.add_subparsers(dest="command")
    started = commands.add_parser("run", help="start everything and stay (the default)")
    started.add_argument("--stores", action="store_true", help="only stores, broker and mail catcher, no services")
    shown = commands.add_parser("status", help="what runs where; the exit code is 0 when all of it is ready")
    shown.add_argument("--json", action="store_true", help="for programs")
    arguments = parser.parse_args()
    console = Console(highlight=False)
    try:
        if arguments.command == "status":
            return status(console, as_json=arguments.json)
        return run(console, stores_only=arguments.command == "run" and arguments.stores)
    except SettingInvalid as error:
        sys.stderr.write(f"{error}\n")
        return os.EX_CONFIG
    except OutputLost as error:
        sys.stderr.write(f"{error}\n")
        return os.EX_IOERR
    except (
        HomeUnusable, PortOccupied, NotReady, NoBroker, Unreachable, Refused, MigrationFailed, DatabaseRefused
    ) as error:  # fmt: skip
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    raise SystemExit(main())
