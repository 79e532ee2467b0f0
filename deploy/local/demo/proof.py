"""The log of each workspace: read, shown, exported, and verified off line with the public key alone."""

import asyncio
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from deploy.local.demo.narration import Column, Sheet
from deploy.local.demo.scene import Scene, Team
from deploy.local.demo.story import require

#: What the table of a log shows.
COLUMNS = (
    Column(heading="#", right=True),
    Column(heading="time, UTC"),
    Column(heading="actor"),
    Column(heading="action"),
    Column(heading="outcome"),
    Column(heading="target"),
    Column(heading="address", optional=True),
    Column(heading="agent", optional=True),
)
#: What every workspace's log must be able to say (control L1).
NINE_KINDS = frozenset(
    {
        "user.login",
        "user.logout",
        "user.invited",
        "user.role_changed",
        "record.created",
        "record.updated",
        "record.deleted",
        "settings.changed",
        "export.requested",
    }
)
#: What else must have been noticed of the story.
NOTICED = frozenset({"authentication.failed", "session.refreshed", "invitation.accepted", "token.exchanged"})
#: From the acknowledgement of an act to its entry, with a checkpoint over it.
WAIT_SECONDS = 60


async def export_for_spreadsheets(scene: Scene) -> None:
    """The owners export their logs as CSV, which is itself an entry."""
    for team in scene.teams:
        table = await team.owner.browser.download(f"{team.path}/audit/exports", {"format": "csv"})
        require(table.count(b"\n") > 1, "the CSV must have entries")
        scene.fact(f"{team.name}: {len(table)} bytes of CSV")


async def read_logs(scene: Scene) -> None:
    """Each log must hold all nine kinds, and every entry who did it, from where and with what."""
    for team in scene.teams:
        entries = await wait_for(scene, team, NINE_KINDS | NOTICED)
        for entry in entries:
            require(bool(entry["occurred_at"]), "an entry must say when")
            require(bool(actor_of(entry)), f"entry {entry['index']} must say who")
            address, agent = value_of(entry, "ip_address"), value_of(entry, "user_agent")
            require(address == "127.0.0.1", f"entry {entry['index']} ({entry['action']}) must say from where")
            require(bool(agent), f"entry {entry['index']} ({entry['action']}) must say with which agent")
            # A product's own service knows no more of the browser than that.
            device = value_of(entry, "device_fingerprint")
            require(bool(device) or entry["client"] == "records", f"entry {entry['index']} must say on which device")
        require([entry["index"] for entry in entries] == list(range(len(entries)))[::-1], "the log must be dense")
        scene.narrator.show(table_of(scene, team, entries))
        scene.fact(f"{team.name}: {len(entries)} entries, numbered without a gap; all nine kinds are there")


async def verify_off_line(scene: Scene) -> None:
    """Every entry's commitments and proof, by wardenry-verify in a process of its own; a changed byte is found."""
    keys = (await scene.teams[0].owner.browser.ask("GET", "/.well-known/wardenry-log-keys", expect=200))["keys"]
    scene.fact(f"public key: {keys[0]}")
    for team in scene.teams:
        team.export = await team.owner.browser.download(f"{team.path}/audit/exports", {"format": "jsonl"})
        with tempfile.TemporaryDirectory(prefix="wardenry-demo-") as directory:
            file = Path(directory) / f"{team.slug}.jsonl"
            file.write_bytes(team.export)
            report = verify(file, keys, expect=0)
            found = {json.loads(line)["shown"]["action"] for line in team.export.splitlines()[1:-1]}
            require(found >= NINE_KINDS, f"the export lacks {', '.join(sorted(NINE_KINDS - found))}")
            require(report["entries"] > 0 and report["values"] > 0, "entries and their values must have been checked")
            scene.fact(
                f"{team.name}: {report['entries']} entries and {report['values']} personal values verified"
                f" in the tree of size {report['size']}, root {report['root'][:16]}…"
            )
            changed = team.export.replace(b'"127.0.0.1"', b'"127.0.0.2"', 1)
            require(changed != team.export, "there must be an address to change")
            file.write_bytes(changed)
            findings = verify(file, keys, expect=1)["findings"]
            scene.fact(f"{team.name}: one digit of one address changed: {findings[0]['check']} fails, as it must")


def verify(file: Path, keys: list[str], *, expect: int) -> dict[str, Any]:
    """Run the verifier with nothing but the file and the public keys."""
    command = [sys.executable, "-m", "wardenry.log.verify", str(file), "--json"]
    for key in keys:
        command += ["--key", key]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=file.parent, env={})
    require(done.returncode == expect, f"wardenry-verify must end with {expect}: {done.stdout}{done.stderr}")
    report: dict[str, Any] = json.loads(done.stdout)
    return report


async def wait_for(scene: Scene, team: Team, actions: frozenset[str]) -> list[dict[str, Any]]:
    """All entries, the newest first, once the actions are among them."""
    deadline = scene.clock.monotonic() + WAIT_SECONDS
    while True:
        entries = await all_entries(team)
        missing = actions - {entry["action"] for entry in entries}
        if not missing:
            return entries
        require(scene.clock.monotonic() < deadline, f"{team.name}'s log lacks {', '.join(sorted(missing))}")
        await asyncio.sleep(0.2)


async def all_entries(team: Team) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    page = ""
    while True:
        path = f"{team.path}/audit/entries?page_size=10" + (f"&page={page}" if page else "")
        answer = await team.owner.browser.ask("GET", path, expect=200)
        entries += answer["entries"]
        page = answer["next_page_token"]
        if not page:
            return entries


def actor_of(entry: dict[str, Any]) -> str:
    return str(entry["actor_id"] or (entry["actor_kind"] if entry["actor_kind"] == "visitor" else entry["client"]))


def value_of(entry: dict[str, Any], field: str, person: str = "actor") -> str:
    values = (each["value"] for each in entry["values"] if (each["person"], each["field"]) == (person, field))
    return str(next(values, ""))


def table_of(scene: Scene, team: Team, entries: list[dict[str, Any]]) -> Sheet:
    """The log, oldest first. Names stand for the identifiers that entries hold."""
    names = {person.subject_id: person.name for person in scene.people}
    return Sheet(
        title=f"The log of {team.name}",
        columns=COLUMNS,
        rows=[
            (
                str(entry["index"]),
                entry["occurred_at"][11:19],
                names.get(entry["actor_id"], actor_of(entry)),
                entry["action"],
                entry["outcome"],
                f"{entry['target_kind']} {names.get(entry['target_id']) or shortened(entry['target_id'])}".strip(),
                value_of(entry, "ip_address"),
                agent_in_words(value_of(entry, "user_agent")),
            )
            for entry in reversed(entries)
        ],
        note="Entries of different services stand in the order in which they reached the log.",
    )


def shortened(identifier: str) -> str:
    """The random end of a UUID; of a product's own id, all of it."""
    return identifier[-8:] if len(identifier) == 36 else identifier


def agent_in_words(agent: str) -> str:
    """The browser's own part of a user agent, with its major version."""
    own = next((part for part in reversed(agent.split()) if not part.startswith("Safari/")), agent)
    return own.partition(".")[0]
