"""`wardenry controls` beside the whole suite: what is kept, what is broken while it runs, and what is down."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from libs.controls.catalogue.catalogue import CATALOGUE
from libs.controls.catalogue.extent import MISSING
from libs.controls.probes.registry import PROBES
from libs.ids import PLATFORM
from tests.integration.operator.test_status import paused
from tests.support.events import eventually
from tests.support.operator import Said, Wardenry
from tests.support.people import People, Person
from tests.support.stack import LocalStack

PROBED = [control.id for control in CATALOGUE if control.id in PROBES]


@pytest.fixture
def wardenry(stack: LocalStack) -> Wardenry:
    return Wardenry(home=stack.home)


async def somebody(people: People) -> Person:
    """Somebody who has signed up, which is in the platform log by now."""
    person = await people.person()

    async def logged() -> bool:
        checkpoint: str = await person.browser.ask("GET", f"/audit/{PLATFORM}/checkpoint", expect=200)
        return checkpoint.split("\n")[1] != "0"

    await eventually(logged, seconds=30)
    return person


async def checked(wardenry: Wardenry, *controls: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code, and the results by control."""
    said = await asyncio.to_thread(wardenry, "controls", "check", "--json", *controls)
    assert said.out, said.error
    return said.code, {result["control"]: result for result in json.loads(said.out)}


@asynccontextmanager
async def changed(stack: LocalStack, database: str, *, to: str, back: str) -> AsyncIterator[None]:
    """The live database, changed by its owner meanwhile."""
    connection = await asyncpg.connect((stack.home / "secrets" / f"{database}_owner.url").read_text().strip())
    try:
        await connection.execute(to)
        yield
    finally:
        await connection.execute(back)
        await connection.close()


async def test_a_deployment_in_use_keeps_every_control_that_is_probed(people: People, wardenry: Wardenry) -> None:
    person = await somebody(people)
    code, results = await checked(wardenry)
    assert {name: (result["verdict"], result["findings"], result["unknown"]) for name, result in results.items()} == {
        name: ("KEPT", [], []) for name in PROBED
    }
    assert (code, list(results)) == (0, PROBED)
    for result in results.values():
        assert result["prober"] == "operator"
        assert result["started_at"] <= result["finished_at"]
    told = json.dumps(results)
    assert person.address not in told
    assert person.subject_id not in told


async def test_every_service_counts_its_own_databases(stack: LocalStack, wardenry: Wardenry) -> None:
    _, results = await checked(wardenry, "T2", "T4")
    facts = results["T2"]["evidence"]
    assert [fact.partition(":")[0] for fact in facts[1:]] == [
        "identity",
        "vault",
        "session",
        "tenancy",
        "audit",
        "datarights",
    ]
    assert all("as runtime" in fact for fact in facts[1:])
    policies, tables = int(facts[0].split()[3]), int(facts[0].split()[0])
    (coverage,) = results["T4"]["evidence"]
    assert coverage.startswith("100 % of tenant tables are covered: ")
    assert coverage.endswith(f"; with all others {policies} policies on {tables} tables")


@pytest.mark.parametrize(
    ("database", "to", "back", "control", "finding"),
    [
        (
            "tenancy",
            "ALTER TABLE workspace NO FORCE ROW LEVEL SECURITY",
            "ALTER TABLE workspace FORCE ROW LEVEL SECURITY",
            "T2",
            {"where": "workspace in tenancy", "what": "row security is not enabled and forced"},
        ),
        (
            "vault",
            "CREATE TABLE forgotten (workspace_id uuid PRIMARY KEY)",
            "DROP TABLE forgotten",
            "T2",
            {"where": "forgotten in vault", "what": "row security is not enabled and forced"},
        ),
        (
            "audit",
            "GRANT UPDATE (leaf) ON entry TO audit_runtime",
            "REVOKE UPDATE (leaf) ON entry FROM audit_runtime",
            "L3",
            {"where": "entry", "what": "audit_runtime may UPDATE leaf"},
        ),
    ],
)
async def test_what_is_broken_while_it_runs_is_found_and_named(
    people: People, wardenry: Wardenry, database: str, to: str, back: str, control: str, finding: dict[str, str]
) -> None:
    await somebody(people)
    async with changed(people.stack, database, to=to, back=back):
        code, results = await checked(wardenry, control, "S1")
        shown = await asyncio.to_thread(wardenry, "controls", "check", control)
    assert (code, results[control]["verdict"], results["S1"]["verdict"]) == (1, "BROKEN", "KEPT")
    assert finding in results[control]["findings"]
    assert f"{finding['where']}: {finding['what']}" in shown.out
    code, results = await checked(wardenry, control)
    assert (code, results[control]["verdict"]) == (0, "KEPT")


async def test_a_service_that_does_not_answer_leaves_it_unknown(people: People, wardenry: Wardenry) -> None:
    await somebody(people)
    with paused(people.stack, "datarights"):
        code, results = await checked(wardenry, "T2", "E1", "L3")
    assert (code, [result["verdict"] for result in results.values()]) == (2, ["UNKNOWN", "UNKNOWN", "KEPT"])
    for control in ("T2", "E1"):
        (why,) = results[control]["unknown"]
        assert why.startswith("datarights at ")


def words(said: Said) -> str:
    return " ".join(said.out.split())


@pytest.mark.parametrize("columns", ["60", "80", "140"])
def test_people_get_a_table_that_fits(stack: LocalStack, wardenry: Wardenry, columns: str) -> None:
    said = wardenry("controls", "check", "T2", "e1", "S2", "--evidence", environment={"COLUMNS": columns})
    assert (said.code, said.error) == (2, "")
    assert max(map(len, said.out.splitlines())) <= int(columns)
    assert [line.split()[0] for line in said.out.splitlines() if line[:1] in "TES" and line[1:2].isdigit()] == [
        "T2",
        "S2",
        "E1",
    ]
    assert "not known: built, no probe yet" in words(said)
    assert "2 kept, 0 broken, 1 unknown; 3 of 61 controls" in words(said)
    assert "\x1b" not in said.out


def test_the_catalogue_is_listed_whole_without_a_deployment(tmp_path: Path) -> None:
    nowhere = Wardenry(home=tmp_path)
    listed = json.loads(nowhere("controls", "list", "--json").out)
    assert [each["control"] for each in listed] == [control.id for control in CATALOGUE]
    standings = {each["control"]: (each["standing"], each["missing"]) for each in listed}
    assert standings["T2"] == ("probed", None)
    assert standings["S2"] == ("built, no probe yet", None)
    assert standings["A3"] == ("not built yet", None)
    assert standings["D10"] == ("not documented yet", None)
    assert standings["O7"] == ("built in part", MISSING["O7"])


@pytest.mark.parametrize("columns", [80, 100, 140])
def test_the_catalogue_fits_and_says_what_is_missing(tmp_path: Path, columns: int) -> None:
    shown = Wardenry(home=tmp_path)("controls", "list", environment={"COLUMNS": str(columns)})
    assert (shown.code, max(map(len, shown.out.splitlines())) <= columns) == (0, True)
    assert all(f"\n{control.id} " in shown.out for control in CATALOGUE)
    assert MISSING["O7"] in shown.out
    counted = next(line for line in shown.out.splitlines() if line.startswith(f"{len(CATALOGUE)} controls: "))
    assert f"{len(PROBES)} probed" in counted


def test_a_control_that_there_is_not_is_refused_in_one_line(tmp_path: Path) -> None:
    said = Wardenry(home=tmp_path)("controls", "check", "T2", "X9")
    assert (said.code, said.out, said.error) == (2, "", "X9 is no control; wardenry controls list shows them all.\n")


def test_where_nothing_runs_one_line_says_so(tmp_path: Path) -> None:
    said = Wardenry(home=tmp_path)("controls", "check")
    assert (said.code, said.out, said.error.count("\n")) == (69, "", 1)
