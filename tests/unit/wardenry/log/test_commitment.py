from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.vectors import vectors_of
from wardenry.log.commitment import CommitmentMismatch, check_commitment, commit

SALT = bytes(range(16))


@pytest.mark.parametrize("vector", vectors_of("commitment"))
def test_vector(vector: dict[str, Any]) -> None:
    salt = bytes.fromhex(vector["salt"])
    digest = bytes.fromhex(vector["digest"])
    assert commit(salt, vector["field"], vector["value"]) == digest
    check_commitment(digest, field_salt=salt, field=vector["field"], value=vector["value"])


@given(st.text(), st.text(), st.text(), st.text())
def test_other_fields_or_values_do_not_match(field: str, value: str, other_field: str, other_value: str) -> None:
    digest = commit(SALT, field, value)
    if (field, value) == (other_field, other_value):
        check_commitment(digest, field_salt=SALT, field=other_field, value=other_value)
    else:
        with pytest.raises(CommitmentMismatch):
            check_commitment(digest, field_salt=SALT, field=other_field, value=other_value)


@pytest.mark.parametrize("salt", [bytes(16), SALT[:15], b"", SALT + b"\x00"])
def test_another_salt_does_not_match(salt: bytes) -> None:
    with pytest.raises(CommitmentMismatch):
        check_commitment(commit(SALT, "name", "Ada"), field_salt=salt, field="name", value="Ada")


def test_a_commitment_needs_a_salt() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        commit(b"", "name", "Ada")
