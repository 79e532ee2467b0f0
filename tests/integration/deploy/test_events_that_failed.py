"""docs/operations/events-that-failed.md, carried out on a stack of its own."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import httpx2
import pytest

from libs.db.schemas import ROOT
from tests.support.events import eventually
from tests.support.operator import Said, Wardenry
from tests.support.people import People
from tests.support.stack import LocalStack, prepared_home

PAGE = ROOT / "docs" / "operations" / "events-that-failed.md"
BLOCK = re.compile(r"^ *```sh\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
#: What audit fails on, and only on this: as a defect in what it makes of an event does.
DEFECT = "ALTER TABLE entry ADD CONSTRAINT defect CHECK (action <> '{}') NOT VALID"
MENDED = "ALTER TABLE entry DROP CONSTRAINT defect"


def commands() -> list[list[str]]:
    return [line.split() for block in BLOCK.findall(PAGE.read_text()) for line in block.splitlines()]


@asynccontextmanager
async def administrator(stack: LocalStack) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    password = (stack.home / "secrets" / "postgresql_administrator.password").read_text().strip()
    address = stack.state["addresses"]["postgresql"]
    connection = await asyncpg.connect(f"postgresql://postgres:{password}@{address}/audit")
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    tmp_path.chmod(0o711)  # PostgreSQL may run as another user
    return prepared_home(tmp_path / "home")


async def test_the_page_has_them_taken_in(home: Path) -> None:
    stack = LocalStack(home)
    people: People | None = None
    wardenry = Wardenry(home=home)

    def type_in(command: list[str], *more: str) -> Said:
        assert command[0] == "wardenry"
        return wardenry(*command[1:], *more)

    look, retry_audit, retry_session, look_again = commands()
    assert look == look_again
    try:
        stack.start()
        said = type_in(look)
        assert (said.code, said.out) == (0, "No record is set aside.\n")
        async with administrator(stack) as connection:
            await connection.execute(DEFECT.format("workspace.created"))
        people = People(stack)
        owner = await people.person()
        workspace = await people.workspace(owner)

        async def is_parked() -> bool:
            return type_in(look).code == 1

        await eventually(is_parked, seconds=60)
        said = type_in(look)
        assert "workspace.created of tenancy" in " ".join(said.out.split())
        assert "CheckViolationError" in said.out
        (record,) = json.loads(type_in(look, "--json").out)
        assert (record["service"], record["reason"], record["event"]["log"]) == (
            "audit",
            "failed",
            workspace.workspace_id,
        )
        found = json.loads(wardenry("doctor", "--json").out)["diagnoses"]
        (parked,) = [each for each in found if each["check"] == "parked"]
        assert (parked["severity"], "wardenry parked retry audit" in parked["mend"]) == ("error", True)

        # Not mended yet: nothing is lost by trying.
        said = type_in(retry_audit)
        assert (said.code, "CheckViolationError" in said.out, "1 failed." in said.out) == (1, True, True)
        assert type_in(look).code == 1

        async with administrator(stack) as connection:
            await connection.execute(MENDED)
        said = type_in(retry_audit)
        assert (said.code, "1 taken." in said.out) == (0, True), said
        said = type_in(retry_session)
        assert (said.code, said.out) == (0, "session has set aside nothing that failed.\n")
        assert type_in(look_again).code == 0
        await people.entry(owner, workspace, "workspace.created")
        assert type_in(retry_audit, "--json").out == "[]\n"

        async def told() -> list[str]:
            async with administrator(stack) as connection:
                rows = await connection.fetch(
                    "SELECT action FROM entry WHERE action IN ('retry.requested', 'event.retried') ORDER BY action"
                )
            return [row["action"] for row in rows]

        async def is_told() -> bool:
            return len(await told()) == 3

        # Twice asked for, once taken in: in the log itself, by the way of every event.
        await eventually(is_told, seconds=60)
        assert await told() == ["event.retried", *["retry.requested"] * 2]
    finally:
        if people is not None:
            await people.close()
        stack.end()


async def test_a_retirement_that_failed_is_pending_until_it_is_taken_in(home: Path) -> None:
    """The old key is published as a present one meanwhile, and the operator is told so."""
    stack = LocalStack(home)
    wardenry = Wardenry(home=home)

    def keys() -> tuple[list[str], list[str]]:
        told = httpx2.get(f"{stack.state['urls']['http']}/.well-known/wardenry-log-keys").json()
        return told["keys"], [each["key"] for each in told["retired"]]

    def log() -> tuple[str, str]:
        found = json.loads(wardenry("doctor", "--json").out)["diagnoses"]
        (one,) = [each for each in found if each["check"] == "log"]
        return one["severity"], one["what"]

    try:
        stack.start()
        ((old,), retired) = keys()
        assert (retired, log()[0]) == ([], "ok")
        async with administrator(stack) as connection:
            await connection.execute(DEFECT.format("log.key_retired"))
        stack.stop()
        (home / "secrets" / "audit" / "checkpoint.key").unlink()
        stack = LocalStack(home, environment={"WARDENRY_AUDIT_RETIRED_CHECKPOINT_KEY": old})
        stack.start()

        async def is_parked() -> bool:
            return wardenry("parked", "list", "audit").code == 1

        await eventually(is_parked, seconds=120)
        (new, *rest), retired = keys()
        assert (rest, retired) == ([old], [])
        severity, what = log()
        assert (severity, "+".join(old.split("+")[:2]) in what) == ("warning", True)
        assert "the end of its key before is on the way" in " ".join(wardenry("status").out.split())
        assert json.loads(wardenry("status", "--json").out)["platform_log"]["ending_keys"] == [old]

        async with administrator(stack) as connection:
            await connection.execute(MENDED)
        said = wardenry("parked", "retry", "audit")
        assert (said.code, "log.key_retired of audit" in said.out) == (0, True), said

        async def is_over() -> bool:
            return keys() == ([new], [old])

        await eventually(is_over, seconds=60)
        assert log()[0] == "ok"
    finally:
        stack.end()
