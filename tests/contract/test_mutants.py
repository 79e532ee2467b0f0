"""Each guard that `make mutants` takes away is where the registry says, and the tests that must notice exist."""

import ast

import pytest

from libs.db.schemas import ROOT
from tests.mutants.registry import MUTANTS, Mutant
from tests.mutants.scratch import PatchMisfit, without_guard

NAMED = {
    "workspace policy",
    "refresh counter, as judged",
    "refresh counter, as written",
    "single use of the ticket",
    "compare-and-set of the cursor",
    "MAC of the event",
    "lease",
    "one name in a certificate",
}


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: str(mutant.name))
def test_a_guard_is_found_exactly_once(mutant: Mutant) -> None:
    text = (ROOT / mutant.file).read_text()
    changed = without_guard(mutant, text)
    assert changed != text
    if mutant.file.endswith(".py"):
        ast.parse(changed)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: str(mutant.name))
def test_its_tests_exist(mutant: Mutant) -> None:
    assert mutant.tests
    for test in mutant.tests:
        file, _, name = test.partition("::")
        tree = ast.parse((ROOT / file).read_text())
        functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        assert not name or name in functions, f"{file} has no {name}"


def test_a_guard_that_was_rewritten_is_a_misfit() -> None:
    for text in ("", MUTANTS[0].guard * 2):
        with pytest.raises(PatchMisfit):
            without_guard(MUTANTS[0], text)


def test_the_guards_that_matter_most_are_registered_once() -> None:
    names = [mutant.name for mutant in MUTANTS]
    assert len(set(names)) == len(names)
    assert set(names) >= NAMED
