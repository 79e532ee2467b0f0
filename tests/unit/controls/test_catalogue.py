"""The catalogue has every control that was promised, each once."""

import dataclasses

import pytest

from libs.controls.catalogue.catalogue import CATALOGUE, CONTROLS

#: Every id that was ever published, by group. A promise is never dropped, and its id never given to another one.
PROMISED = (
    ("Tenancy and isolation", "T1 T2 T3 T4 T5"),
    ("Authentication", "A1 A2 A3 A4 A5 A6 A7 A8"),
    ("Sessions and tokens", "S1 S2 S3 S4 S5 S6"),
    ("Encryption", "E1 E2 E3 E4 E5 E6"),
    ("Abuse limits and the edge", "R1 R2 R3 R4 R5 R6 R7 R8"),
    ("Audit", "L1 L2 L3 L4 L5 L6"),
    ("Data rights", "D1 D2 D3 D4 D5 D6 D7 D8 D9 D10 D11"),
    ("Operations", "O1 O2 O3 O4 O5 O6 O7 O8 O9 O10 O11"),
)


def test_every_control_is_there_once_in_its_group_and_order() -> None:
    assert [(control.group, control.id) for control in CATALOGUE] == [
        (group, name) for group, names in PROMISED for name in names.split()
    ]
    assert list(CONTROLS) == [control.id for control in CATALOGUE]


def test_every_control_says_what_it_promises_and_what_is_seen() -> None:
    for control in CATALOGUE:
        assert 5 < len(control.promise) < 80, control.id
        assert len(control.observable) > 20, control.id
        assert not control.promise.endswith("."), control.id
    assert len({control.promise for control in CATALOGUE}) == len(CATALOGUE)


def test_the_controls_that_people_keep_are_the_ones_of_people_and_contracts() -> None:
    assert {control.id for control in CATALOGUE if control.process} == {"D10", "O3", "O9", "O10"}


def test_a_control_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        CATALOGUE[0].promise = "another"  # type: ignore[misc] # that is the point
