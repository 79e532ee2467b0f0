"""The pages for newcomers say what the code does: who calls whom, which action is whose, and which test shows what."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from google.protobuf.descriptor import MethodDescriptor

from deploy.local.ports import PREFERRED
from libs.db.schemas import ROOT
from libs.events.envelope import action_names
from libs.events.record import topic_of
from libs.rpc.rules import ANY_PEER, rule_of
from services.audit.consumers.actions import allowed_actions
from tests.contract.test_options import METHODS, PEERS
from tests.faults.campaign import VICTIMS
from wardenry.options.v1 import options_pb2

DOCS = ROOT / "docs"
ARCHITECTURE, EVENTS, THREATS = DOCS / "architecture.md", DOCS / "events.md", DOCS / "threat-model.md"
DECISIONS = sorted((DOCS / "adr").glob("*.md"))
HOWTOS = sorted((DOCS / "howto").glob("*.md"))
#: Pages of docs/ that others own list themselves; the index leads there.
INDEXED = sorted({*DOCS.glob("*.md"), *DECISIONS, *HOWTOS, *DOCS.glob("operations/*.md")} - {DOCS / "README.md"})
TOPICS = "Topics and consumers"
SOURCES = sorted(allowed_actions())
ACTING = {options_pb2.ACTING_ANONYMOUS: "nobody yet", options_pb2.ACTING_PEER: "the caller itself"}


def relative(page: Path) -> str:
    return str(page.relative_to(ROOT))


def table(page: Path, heading: str) -> list[list[str]]:
    """The cells of the rows of the table under a heading, without its own two lines."""
    section = page.read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]
    assert len(rows) > 2, f"{relative(page)} has no table under {heading!r}"
    return rows[2:]


def names(cell: str) -> list[str]:
    """What stands in a cell, without commas and backticks."""
    return [name.strip(" `") for name in cell.split(",") if name.strip(" `")]


# Who calls whom


def stated(method: MethodDescriptor) -> tuple[str, str, str]:
    """The rule of an RPC as the page writes it: callers, for whom, what it needs."""
    rule = rule_of(method)
    needs = [f"`{rule.permission}`"] if rule.permission else []
    if rule.greatest_authentication_age is not None:
        minutes = rule.greatest_authentication_age.total_seconds() / 60
        needs.append(f"authenticated in the last {minutes:g} minutes")
    if rule.audience == options_pb2.TOKEN_AUDIENCE_PEER:
        needs.append("a token for the caller")
    person = "a person in a workspace" if rule.needs_workspace else "a person"
    callers = "everybody" if ANY_PEER in rule.peers else ", ".join(sorted(rule.peers))
    return callers, ACTING.get(rule.acting, person), ", ".join(needs)


def test_the_table_of_callers_is_what_the_rpcs_declare() -> None:
    written: dict[str, tuple[str, str, str]] = {}
    for contract, _, rpcs, callers, acting, needs in table(ARCHITECTURE, "Who calls whom"):
        package, _, service = contract.strip("`").partition(".")
        for rpc in names(rpcs):
            method = f"wardenry.{package}.v1.{service}.{rpc}"
            assert method not in written, f"{method} stands there twice"
            written[method] = (", ".join(sorted(names(callers))), acting, needs)
    assert written == {method.full_name: stated(method) for method in METHODS}


def test_the_table_of_callers_says_who_serves_each_contract() -> None:
    written = {
        contract.strip("`"): set(names(served)) for contract, served, *_ in table(ARCHITECTURE, "Who calls whom")
    }
    registered: dict[str, set[str]] = {contract: set() for contract in written}
    packages = {contract.partition(".")[2]: contract for contract in written}
    for wiring in sorted(ROOT.glob("services/*/wiring.py")):
        for service in re.findall(r"\.add\(\s*(?:\w+\.)?add_(\w+)Servicer_to_server", wiring.read_text()):
            registered[packages[service]].add(wiring.parent.name)
    assert written == registered


def test_the_picture_can_be_drawn_and_shows_every_service() -> None:
    drawn = ElementTree.parse(DOCS / "architecture.svg")  # noqa: S314 - our own file
    texts = {element.text for element in drawn.iter("{http://www.w3.org/2000/svg}text")}
    assert {path.parent.name for path in ROOT.glob("services/*/wiring.py")} <= texts


# Actions


def literals(source: str) -> Iterator[str]:
    """The texts in the code of a service, but for those that say what others may write."""
    elsewhere = [ROOT / "libs/sdk/wardenry/log/anchor.py"] if source == "audit" else []  # verifiers read that name too
    if "parked_records_of(" in (ROOT / "services" / source / "wiring.py").read_text():
        elsewhere.append(ROOT / "libs/service/retry_log.py")  # every consumer's
    for path in [*(ROOT / "services" / source).rglob("*.py"), *elsewhere]:
        if path != ROOT / "services/audit/consumers/actions.py":
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield node.value


def test_the_table_of_actions_lists_each_action_with_who_emits_it() -> None:
    written = {action.strip("`"): set(names(sources)) for action, sources, *_ in table(EVENTS, "Actions")}
    assert set(written) == action_names()
    texts = {source: set(literals(source)) for source in SOURCES}
    assert written == {action: {each for each in SOURCES if action in texts[each]} for action in written}


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_may_write_what_it_emits(source: str) -> None:
    emitted = {action.strip("`") for action, sources, *_ in table(EVENTS, "Actions") if source in names(sources)}
    assert emitted
    assert emitted <= allowed_actions()[source]


def consumers_of(source: str) -> set[str]:
    """Whose cursors the source's relay asks for, by its wiring."""
    wiring = (ROOT / "services" / source / "wiring.py").read_text()
    found = set(re.findall(r'GrpcCursorClient\(name="(\w+)"', wiring))
    for listed in re.findall(r"GrpcCursorClient\(name=name, [^\n]+ for name in \(([^)]+)\)", wiring):
        found |= set(re.findall(r"\w+", listed))
    return found | ({source} if "consumers=[self._cursors]" in wiring else set())


def test_the_table_of_topics_says_who_consumes_them() -> None:
    written = {source: (topic.strip("`"), set(names(those))) for source, topic, those in table(EVENTS, TOPICS)}
    assert written == {source: (topic_of(source), consumers_of(source)) for source in SOURCES}
    assert set(SOURCES) <= PEERS


# Tests and files


def test_the_page_on_tests_names_every_process_that_is_killed() -> None:
    (paragraph,) = [part for part in (DOCS / "testing.md").read_text().split("\n\n") if "gets SIGKILL:" in part]
    listed = " ".join(paragraph.split()).partition("gets SIGKILL:")[2].partition(".")[0]
    known = {"postgresql": "both PostgreSQL clusters", "vault": "both PostgreSQL clusters", "valkey": "Valkey"}
    known["kafka"] = "the broker"
    assert all(known.get(name, name) in listed for name in VICTIMS), listed


def named_tests_of(page: Path) -> list[tuple[str, str]]:
    return re.findall(r"`(tests/[^`\s]+\.py)::(\w+)`", page.read_text())


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=relative)
def test_every_test_that_a_page_names_exists(page: Path) -> None:
    for file, name in named_tests_of(page):
        tree = ast.parse((ROOT / file).read_text())
        functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        assert name in functions, f"{relative(page)} names {file}::{name}"


def test_every_invariant_has_a_test() -> None:
    rows = table(ARCHITECTURE, "What always holds, and the test that can fail")
    assert [number for number, *_ in rows] == [str(number) for number in range(1, len(rows) + 1)]
    for number, _, tests in rows:
        assert re.search(r"\.py::test_\w+", tests), f"invariant {number} has no test"


def test_every_threat_says_what_stops_it_what_shows_that_and_what_remains() -> None:
    rows = re.findall(r"^\| ([A-Z]\d+) \| (.+) \| (.+) \| (.+) \| (.+) \|$", THREATS.read_text(), re.MULTILINE)
    assert len(rows) > 20
    numbers = [number for number, *_ in rows]
    assert len(set(numbers)) == len(numbers)
    for number, _, stops, shows, remains in rows:
        assert re.search(r"`[\w./-]+`", stops), f"{number}: where in the code?"
        # A threat that no test shows to be stopped says so in words.
        assert re.search(r"\.py(::\w+)?`", shows) or shows.startswith("none: "), f"{number}: which test?"
        assert len(remains) > 10, f"{number}: what remains?"


# Decisions and the index


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_a_decision_has_its_three_parts_and_is_short(page: Path) -> None:
    text = page.read_text()
    assert text.startswith(f"# {int(page.name[:4])}. ")
    parts = re.findall(r"^\*\*(Context|Decision|Consequences|Turned down)\.\*\*", text, re.MULTILINE)
    assert parts[:3] == ["Context", "Decision", "Consequences"]
    assert len(text.split()) < 450


def test_decisions_are_numbered_without_a_gap() -> None:
    assert [int(page.name[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))


def test_the_index_leads_to_every_page() -> None:
    index = (DOCS / "README.md").read_text()
    linked = {(DOCS / link).resolve() for link in re.findall(r"\]\(([^)#:\s]+)\)", index)}
    assert [relative(page) for page in INDEXED if page.resolve() not in linked] == []


# The local stack


def fragments() -> list[str]:
    """What the local stack may say, as its page quotes it."""
    rows = table(DOCS / "operations/local-stack.md", "When it says")
    return [fragment for said, _ in rows for fragment in re.findall(r"`([^`]+)`", said)]


def complaints() -> Iterator[str]:
    """The messages that the local stack raises, with gaps where values stand."""
    for path in (ROOT / "deploy/local").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                for argument in node.exc.args:
                    parts = [each.value for each in ast.walk(argument) if isinstance(each, ast.Constant)]
                    if isinstance(argument, ast.Constant | ast.JoinedStr):
                        yield "…".join(part for part in parts if isinstance(part, str))


def test_what_the_local_stack_is_said_to_print_is_in_its_code() -> None:
    sources = [*(ROOT / "deploy").rglob("*.py"), ROOT / "deploy/environment", ROOT / "libs/db/migrations.py"]
    code = "\n".join(path.read_text() for path in sources)
    assert [fragment for fragment in fragments() if fragment not in code] == []


def test_whatever_the_local_stack_complains_of_is_explained() -> None:
    internal = {"this kernel gives no user namespace"}  # of a probe, whose answer is another way
    found = {each for each in complaints() if re.search(r"[a-z]{3}", each)} - internal
    assert len(found) > 20
    assert [each for each in found if not any(fragment in each for fragment in fragments())] == []


def test_the_local_stacks_ports_are_the_preferred_ones() -> None:
    cells = [ports for _, _, ports, _ in table(DOCS / "operations/local-stack.md", "What runs")]
    single = {int(port) for cell in cells for port in re.findall(r"\d{4}", cell)}
    ranges = [re.search(r"(\d{4}) to (\d{4})", cell) for cell in cells]
    between = {port for found in ranges if found for port in range(int(found[1]), int(found[2]))}
    assert single | between == set(PREFERRED.values())
