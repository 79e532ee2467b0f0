"""What the local stack says about itself: the table for people, the state for programs."""

import os
from typing import Any

import psutil
from rich.markup import escape
from rich.table import Table

from deploy.local.home import Home
from deploy.local.stack import Stack
from deploy.local.supervisor import State

COLOURS = {State.READY: "green", State.STARTING: "yellow", State.UNWELL: "red", State.WAITING: "red"}


def state_of(stack: Stack, home: Home) -> dict[str, Any]:
    """Everything that a program needs to use the stack: addresses, certificates, processes and their states."""
    ports = stack.ports
    pieces = [
        {
            "name": watched.piece.name,
            "address": watched.piece.address,
            "pid": watched.piece.process.pid,
            "created": created(watched.piece.process.pid),
            "state": watched.state.value,
            "log": str(watched.piece.process.log),
        }
        for watched in stack.supervisor.watched
    ]
    return {
        "pid": os.getpid(),
        "ready": stack.is_ready(),
        "home": str(home.root),
        "urls": {
            "http": f"http://localhost:{ports['gateway-http']}",
            "https": f"https://localhost:{ports['gateway-https']}",
            "mail": f"http://localhost:{ports['mail-http']}",
        },
        "edge_ca_file": str(home.pki / "edge-ca.crt"),
        "pki": str(home.pki),
        "addresses": {name: f"127.0.0.1:{port}" for name, port in ports.items()}
        | {store.name: store.address for store in stack.outside.values()},
        "pieces": pieces,
        "outside": [
            {"name": store.name, "address": store.address, "answers": store.answers} for store in stack.outside.values()
        ],
    }


def created(pid: int | None) -> float | None:
    """When the process began, which tells it from a later one of the same number."""
    try:
        return psutil.Process(pid).create_time() if pid is not None else None
    except psutil.NoSuchProcess:
        return None


def end_leftovers(state: dict[str, Any]) -> None:
    """End the processes of a supervisor that was killed, where the kernel did not (it does on Linux)."""
    for piece in state.get("pieces", []):
        pid = piece.get("pid")
        if pid is not None and created(pid) == piece.get("created"):
            try:
                left = psutil.Process(pid)
                left.kill()
                left.wait(5)
            except (psutil.NoSuchProcess, psutil.TimeoutExpired):
                continue


def table(state: dict[str, Any]) -> Table:
    """One row for each process, and for each store of somebody else's."""
    rows = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("what", "address", "process", "state"):
        rows.add_column(heading, no_wrap=True)
    for piece in state["pieces"]:
        colour = COLOURS.get(State(piece["state"]), "default")
        rows.add_row(
            escape(piece["name"]),
            piece["address"],
            str(piece["pid"] or "-"),
            f"[{colour}]{piece['state']}[/{colour}]",
        )
    for store in state.get("outside", []):
        said = "[green]outside, answers[/green]" if store["answers"] else "[red]outside, does not answer[/red]"
        rows.add_row(escape(store["name"]), escape(store["address"]), "-", said)
    return rows
