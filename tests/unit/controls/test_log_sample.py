"""A part of the log, checked as anybody could; and whether each check is missed when it is gone."""

import io
import re
from dataclasses import replace

import pytest

from libs.controls.examined import Finding
from libs.controls.log_sample import alterations, judge_sample
from tests.unit.log.exports import SIGNER, Log, event, record
from wardenry.log import verification
from wardenry.log.export import ExportEntry, parse_line, read_lines
from wardenry.log.filter import EntryFilter
from wardenry.log.note import NoteSigner

KEYS = [SIGNER.key]


@pytest.fixture(scope="module")
def log() -> Log:
    made = Log(record([event(number) for number in range(9)]))
    made.erased = set(range(9))
    return made


@pytest.mark.parametrize("wanted", [None, EntryFilter(actions=("user.role_changed",))], ids=["whole", "filtered"])
def test_an_untouched_log_holds_and_every_alteration_is_found(log: Log, wanted: EntryFilter | None) -> None:
    examined = judge_sample(log.export(wanted=wanted), KEYS)
    assert examined.findings == ()
    (fact,) = examined.facts
    told = re.fullmatch(r"9 entries hold by the public key alone; (\d+) alterations of them were found", fact)
    assert told is not None
    assert int(told[1]) > 60


def test_a_sample_of_no_entry_proves_nothing(log: Log) -> None:
    examined = judge_sample(log.export(wanted=EntryFilter(actions=("user.login",))), KEYS)
    assert (examined.facts, examined.findings) == ((), ())
    assert examined.unknown == ("no entry of the platform log is shown",)


def test_every_kind_of_thing_is_altered(log: Log) -> None:
    sample = log.export()
    made = list(alterations(sample))
    assert all(alteration.sample != sample for alteration in made)
    assert {alteration.check for alteration in made} == {
        "inclusion",
        "shown",
        "signature",
        "commitment",
        "order",
        "checkpoint",
        "",
    }


def test_a_flipped_byte_of_the_export_is_found_where_it_is(log: Log) -> None:
    entries = [log.entry(index) for index in range(9)]
    leaf = bytearray(entries[4].leaf)
    leaf[-1] ^= 1
    entries[4] = replace(entries[4], leaf=bytes(leaf))
    examined = judge_sample(log.export(entries=entries), KEYS)
    finding = Finding("the platform log, line 6 of its export", "entry 4: leaf 4 is not in the tree of this root")
    assert finding in examined.findings
    assert examined.facts == ()


def test_a_sample_that_another_key_signed_is_not_to_be_trusted(log: Log) -> None:
    stranger = NoteSigner(name=SIGNER.key.name, seed=bytes(32))
    examined = judge_sample(log.export(signer=stranger), KEYS)
    assert "signed" in examined.findings[0].what


@pytest.mark.parametrize(
    ("check", "missed"),
    [
        ("verify_inclusion", "by the check of inclusion"),
        ("check_commitment", "by the check of commitment"),
    ],
)
def test_a_verifier_that_lost_a_check_is_found(
    log: Log, monkeypatch: pytest.MonkeyPatch, check: str, missed: str
) -> None:
    monkeypatch.setattr(verification, check, lambda *_, **__: None)
    examined = judge_sample(log.export(), KEYS)
    assert examined.findings
    assert {finding.where for finding in examined.findings} == {"wardenry-verify"}
    assert all(finding.what.endswith(missed) for finding in examined.findings)


def test_one_entry_is_enough(log: Log) -> None:
    alone = Log(record([event(0)]))
    examined = judge_sample(alone.export(), KEYS)
    assert examined.findings == ()
    kinds = [type(parse_line(line)) for line in read_lines(io.BytesIO(alone.export()))]
    assert kinds.count(ExportEntry) == 1
