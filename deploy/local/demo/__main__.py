"""`python -m deploy.local.demo`: the main job, driven through the running stack or one of its own, and told as it goes.

Exit codes: 0 when every step held, 1 when one did not (it is named), 78 for a wrong setting.
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable

from rich.console import Console
from rich.markup import escape

from deploy.local.demo import isolation, proof, revocation, rights, story
from deploy.local.demo.narration import Narrator, StepFailed
from deploy.local.demo.running import NotRunning, running_stack
from deploy.local.demo.scene import Scene, make_scene
from deploy.local.home import HomeUnusable
from deploy.local.settings import SettingInvalid
from libs.ids import SystemEntropy, Uuid7Ids
from libs.terminal_text import OutputLost, harmless, written
from wardenry.clock import SystemClock

#: Where neither a terminal nor COLUMNS says how wide it is.
PLAIN_WIDTH = 120
Act = Callable[[Scene], Awaitable[None]]

#: The main job: chapters, their steps, and what carries each out.
CHAPTERS: tuple[tuple[str, tuple[tuple[str, Act], ...]], ...] = (
    (
        "People come in",
        (
            ("Four people sign up with mailed codes", story.sign_up),
            ("Two of them create workspaces", story.create_workspaces),
            ("Each invites another by mail, who accepts", story.invite),
            ("The invited sign in, after a wrong password", story.wrong_password),
        ),
    ),
    (
        "They work",
        (
            ("Records are created and updated at a product's own service", story.work_with_records),
            ("A role changes, and the token with it", story.change_role),
            ("The new role deletes the record", story.delete_record),
            ("Settings change", story.change_settings),
            ("The invited sign out", story.sign_out),
        ),
    ),
    (
        "The log",
        (
            ("Logs are exported as CSV", proof.export_for_spreadsheets),
            ("Every act is in its workspace's log", proof.read_logs),
            ("Exports are verified off line, with the public key alone", proof.verify_off_line),
        ),
    ),
    (
        "The walls",
        (
            ("The other workspace is not there, over HTTPS", isolation.over_https),
            ("Nor over gRPC, nor for the wrong service", isolation.over_grpc),
            ("Nor in SQL, under each service's own role", isolation.in_sql),
            ("A session that is ended while in use is refused from then on", revocation.revoke_in_use),
        ),
    ),
    (
        "Their own data",
        (
            ("Somebody receives everything that is held about them, signed", rights.receive_everything),
            ("And is erased from each dump, topic and log, which still proves itself", rights.be_erased),
        ),
    ),
)


async def run(narrator: Narrator) -> dict[str, object]:
    """Plays everything. Raises StepFailed, NotRunning, SettingInvalid."""
    clock, entropy = SystemClock(), SystemEntropy()
    began = clock.monotonic()
    async with running_stack(clock=clock, waiting=narrator.waiting) as stack:
        narrator.heading(f"Wardenry at {stack.https}" + (" (started for this demo)" if stack.started_here else ""))
        scene = make_scene(
            stack=stack, narrator=narrator, clock=clock, entropy=entropy, ids=Uuid7Ids(clock=clock, entropy=entropy)
        )
        try:
            for chapter, steps in CHAPTERS:
                narrator.heading(chapter)
                for name, act in steps:
                    with narrator.step(name):
                        await act(scene)
        finally:
            await scene.close()
    return {"seconds": round(clock.monotonic() - began, 1), "measured": scene.measured}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.local.demo", description="The main job, shown.")
    parser.add_argument("--json", action="store_true", help="print a summary for programs, and nothing else")
    arguments = parser.parse_args()
    console = Console(quiet=arguments.json, highlight=False)
    fits = console.is_terminal or bool(os.environ.get("COLUMNS"))
    if not fits:
        console = Console(quiet=arguments.json, highlight=False, width=PLAIN_WIDTH)
    narrator = Narrator(console=console, clock=SystemClock(), wraps=fits)
    summary: dict[str, object] = {"ok": False, "steps": narrator.steps}
    code = 1
    try:
        summary |= asyncio.run(run(narrator)) | {"ok": True}
        console.print(f"\n[bold green]All of it holds.[/bold green] {summary['seconds']} s")
        code = 0
    except StepFailed as error:
        summary |= {"failed": error.step, "cause": str(error)}
        sys.stderr.write(f"The demo failed at the step: {harmless(str(error))}\n")
    except (NotRunning, HomeUnusable) as error:
        summary |= {"failed": "start", "cause": str(error)}
        sys.stderr.write(f"{error}\n")
    except SettingInvalid as error:
        summary |= {"failed": "start", "cause": str(error)}
        sys.stderr.write(f"{error}\n")
        code = os.EX_CONFIG
    except KeyboardInterrupt:
        summary |= {"failed": "interrupted"}
        console.print(escape("Interrupted."))
        code = 130
    try:
        if arguments.json:
            with written():
                print(json.dumps(summary, indent=1))
    except OutputLost as error:
        sys.stderr.write(f"{error}\n")
        return os.EX_IOERR
    return code


if __name__ == "__main__":
    raise SystemExit(main())
