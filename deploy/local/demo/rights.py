"""What people may ask of those who hold their data: all of it in one archive, and then that it is gone."""

import asyncio
import csv
import io
import json
import os
import subprocess
import zipfile
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer

from deploy.local.demo.browser import Browser
from deploy.local.demo.narration import counted
from deploy.local.demo.proof import verify_off_line
from deploy.local.demo.scene import Person, Scene
from deploy.local.demo.story import require
from deploy.local.postgres import SUPERUSER, binaries
from deploy.local.secrets import SOURCES
from wardenry.archive_verification import verify_archive
from wardenry.log.note import VerifierKey

WAIT_SECONDS = 60.0
#: The clusters that the stack starts, and whose databases are read whole.
CLUSTERS = {"postgresql": ("identity", "session", "tenancy", "audit", "datarights"), "vault": ("vault",)}


async def receive_everything(scene: Scene) -> None:
    """A guest signs in afresh and asks for everything that is held about them: one archive, signed, fetched once."""
    person = _leaver(scene)
    await _signed_in(scene, person)
    browser = person.browser
    request_id = await _requested(scene, browser, "access")
    other = scene.teams[1].owner.browser
    await other.ask("GET", f"/api/v1/requests/{request_id}", expect=404, reason="NOT_FOUND")
    await other.ask("POST", f"/api/v1/requests/{request_id}/archive", expect=404, reason="NOT_FOUND")
    content = await browser.download(f"/api/v1/requests/{request_id}/archive", {})
    await browser.ask("POST", f"/api/v1/requests/{request_id}/archive", expect=404, reason="NOT_FOUND")
    (key,) = (await browser.ask("GET", "/api/v1/archive-keys", expect=200))["keys"]
    manifest = verify_archive(io.BytesIO(content), VerifierKey.parse(key))
    require(str(manifest.subject) == person.subject_id, "the archive must be the person's own")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        held = {name: archive.read(name).decode() for name in manifest.files}
    rows = {name: json.loads(text)["rows"] for name, text in held.items() if name.endswith(".json")}
    for name in ("identity/account", "session/sessions", "tenancy/memberships", "audit/entries"):
        require(bool(rows[f"data/{name}.json"]), f"the archive must hold the person's {name}")
        lines = list(csv.reader(io.StringIO(held[f"data/{name}.csv"], newline="")))
        require(len(lines) == 1 + len(rows[f"data/{name}.json"]), f"{name} must be the same as CSV")
    account = rows["data/identity/account.json"][0]
    require((account["name"], account["address"]) == (person.name, person.address), "name and address must be there")
    require(browser.agent in held["data/audit/entries.json"], "the log's entries must show what was seen of the person")
    for stranger in scene.people:
        if stranger is not person:
            told = [name for name, text in held.items() if stranger.address in text or stranger.subject_id in text]
            require(not told, f"{', '.join(told)} must not tell of {stranger.name}")
    held_rows = ", ".join(counted(len(found), name.split("/")[2][:-5]) for name, found in sorted(rows.items()))
    scene.fact(
        f"{person.name}: {held_rows}; {len(content):,} bytes, {len(manifest.files)} files, signed by {key[:40]}…"
    )
    scene.fact("fetched once: a second time, and by somebody else, there is no such archive")


async def be_erased(scene: Scene) -> None:
    """The guest asks to be erased: afterwards nothing of them is in any dump, topic or log, and the log still holds."""
    person = _leaver(scene)
    canaries = (person.address, person.browser.agent)
    await _signed_in(scene, person)
    owner = scene.teams[0].owner
    await _signed_in(scene, owner, again=False)
    await owner.browser.ask("POST", "/api/v1/requests", {"right": "erasure"}, expect=409, reason="LAST_OWNER")
    scene.fact(f"{owner.name} is the last owner of {scene.teams[0].name}, and is told so")
    began = scene.clock.monotonic()
    made = await person.browser.ask("POST", "/api/v1/requests", {"right": "erasure"}, expect=201)
    request_id = made["request"]["request_id"]
    # Their sessions end with them.
    while (await person.browser.send("GET", f"/api/v1/requests/{request_id}")).status_code != 401:
        require(scene.clock.monotonic() - began < WAIT_SECONDS, "the person's sessions must end")
        await asyncio.sleep(0.2)
    await _gone(scene, person)
    seconds = scene.clock.monotonic() - began
    scene.fact(f"{person.name} was erased within {seconds:.1f} s: signed out everywhere, and cannot sign in")
    dumped = await asyncio.to_thread(_search_dumps, scene, canaries)
    records = await _search_topics(scene, canaries)
    logs = _search_files(scene, canaries)
    scene.fact(
        f"{person.address} and their browser's name are in none of {dumped:,} bytes of pg_dump of every database,"
        f" {records:,} records of {len(SOURCES)} topics, {logs:,} bytes of logs and archives"
    )
    await verify_off_line(scene)


def _leaver(scene: Scene) -> Person:
    """Who leaves: a guest, in a browser that nobody else has."""
    person = scene.teams[0].guest
    if "Leaver" not in person.browser.agent:
        person.browser = scene.browser(f"Leaver/{person.subject_id[-12:]} (demo)")
    return person


async def _signed_in(scene: Scene, person: Person, *, again: bool = True) -> None:
    """Signs in afresh: what datarights asks for is a sign-in of the last five minutes."""
    credentials = {"address": person.address, "password": person.password}
    session = await person.browser.ask("POST", "/api/v1/sessions", credentials, expect=201)
    person.subject_id = session["subject_id"]
    if not again:
        # Back into the workspaces that the fresh session has no grant for yet.
        for team in scene.teams:
            if team.owner is person:
                await person.browser.ask("POST", f"{team.path}/grants", expect=201)


async def _requested(scene: Scene, browser: Browser, right: str) -> str:
    made = await browser.ask("POST", "/api/v1/requests", {"right": right}, expect=201)
    request_id: str = made["request"]["request_id"]
    deadline = scene.clock.monotonic() + WAIT_SECONDS
    while True:
        answer: dict[str, Any] = await browser.ask("GET", f"/api/v1/requests/{request_id}", expect=200)
        if answer["request"]["state"] == "REQUEST_STATE_COMPLETED":
            return request_id
        require(scene.clock.monotonic() < deadline, f"the request for {right} must be met")
        await asyncio.sleep(0.2)


async def _gone(scene: Scene, person: Person) -> None:
    """Waits until the person's keys are gone. Who signs in until then is refused: by session, which forgets a person
    before identity does, and then for the credentials alone."""
    credentials = {"address": person.address, "password": person.password}
    browser = scene.browser("Somebody/1.0")
    deadline = scene.clock.monotonic() + WAIT_SECONDS
    reason = ""
    while reason != "CREDENTIALS_INVALID":
        require(scene.clock.monotonic() < deadline, f"the credentials must be gone, the answer is {reason}")
        reason = (await browser.ask("POST", "/api/v1/sessions", credentials, expect=401))["reason"]
    while b"subject.erased" not in await asyncio.to_thread(_dump, scene, "postgresql", "datarights"):
        require(scene.clock.monotonic() < deadline, "the erasure must be completed")
        await asyncio.sleep(0.5)


def _search_dumps(scene: Scene, canaries: tuple[str, ...]) -> int:
    """How many bytes were dumped, none of which may tell. Raises Unexpected."""
    size = 0
    # What must be found, or the search shows nothing: the identifier stays, and says nothing of anybody.
    identifier = _leaver(scene).subject_id.encode()
    for cluster, names in CLUSTERS.items():
        for name in names:
            dump = _dump(scene, cluster, name)
            require(identifier in dump, f"the dump of {name} must hold the identifier")
            _require_absent(dump, canaries, f"the dump of {name}")
            size += len(dump)
    return size


def _dump(scene: Scene, cluster: str, database: str) -> bytes:
    password = (scene.stack.home / "secrets" / f"{cluster}_administrator.password").read_text().strip()
    host, _, port = scene.stack.addresses[cluster].rpartition(":")
    command = [str(binaries() / "pg_dump"), "-h", host, "-p", port, "-U", SUPERUSER, "-d", database]
    done = subprocess.run(command, capture_output=True, check=False, env={"PGPASSWORD": password, "PATH": os.defpath})
    require(done.returncode == 0, f"{database} must be dumped: {done.stderr.decode(errors='replace')}")
    return done.stdout


async def _search_topics(scene: Scene, canaries: tuple[str, ...]) -> int:
    """How many records there are, none of which may tell. Raises Unexpected."""
    consumer = AIOKafkaConsumer(
        *(f"wardenry.{source}.v1" for source in SOURCES),
        bootstrap_servers=scene.stack.addresses["kafka"],
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        partitions = consumer.assignment()
        await consumer.seek_to_beginning(*partitions)
        ends = await consumer.end_offsets(partitions)
        found = 0
        while [each for each in partitions if await consumer.position(each) < ends[each]]:
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                for record in records:
                    headers = b"".join(value for _, value in record.headers)
                    _require_absent((record.value or b"") + headers, canaries, f"a record of {record.topic}")
                    found += 1
        return found
    finally:
        await consumer.stop()


def _search_files(scene: Scene, canaries: tuple[str, ...]) -> int:
    """How many bytes the services' logs and the object store have, none of which may tell. Raises Unexpected."""
    size = 0
    for directory in ("logs", "objects"):
        for file in sorted(each for each in (scene.stack.home / directory).rglob("*") if each.is_file()):
            content = Path(file).read_bytes()
            _require_absent(content, canaries, str(file.name))
            size += len(content)
    return size


def _require_absent(content: bytes, canaries: tuple[str, ...], where: str) -> None:
    for canary in canaries:
        raw = canary.encode()
        # bytea is dumped in hexadecimal.
        told = raw in content or raw.hex().encode() in content
        require(not told, f"{where} must not tell {canary!r}")
