"""docs/operations/events-that-failed.md, carried out on a stack of its own."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from libs.db.schemas import ROOT
from tests.support.events import eventually
from tests.support.operator import Said, Wardenry
from tests.support.people import People
from tests.support.stack import LocalStack, prepared_home

PAGE = ROOT / "docs" / "operations" / "events-that-failed.md"
BLOCK = re.compile(r"^ *```sh\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
#: What audit fails on, and only on this: as a defect in what it makes of an event does.
DEFECT = "ALTER TABLE entry ADD CONSTRAINT defect CHECK (action <> 'workspace.created') NOT VALID"
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
            await connection.execute(DEFECT)
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
    finally:
        if people is not None:
            await people.close()
        stack.end()
