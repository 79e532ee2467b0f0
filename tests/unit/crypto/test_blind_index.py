from typing import Any
from uuid import UUID

import pytest

from libs.crypto.blind_index import BlindIndex
from libs.crypto.errors import KeyInvalid
from tests.support.vectors import vectors_of

ROOT = bytes(range(32))


@pytest.mark.parametrize("vector", [v for v in vectors_of("blind-index") if v["kind"] == "blind index"])
def test_vector(vector: dict[str, Any]) -> None:
    index = BlindIndex(root_key=bytes.fromhex(vector["root_key"]), service=vector["service"])
    assert index.tag(vector["column"], UUID(vector["workspace"]), vector["value"]).hex() == vector["tag"]


def test_one_value_has_another_tag_in_each_service_column_and_workspace() -> None:
    tags = [
        BlindIndex(root_key=root, service=service).tag(column, workspace, value)
        for root, service, column, workspace, value in [
            (ROOT, "identity", "address.value", UUID(int=1), "ada@example.org"),
            (bytes(32), "identity", "address.value", UUID(int=1), "ada@example.org"),
            (ROOT, "tenancy", "address.value", UUID(int=1), "ada@example.org"),
            (ROOT, "identity", "address.valu", UUID(int=1), "eada@example.org"),
            (ROOT, "identity", "address.value", UUID(int=2), "ada@example.org"),
            (ROOT, "identity", "address.value", UUID(int=1), "bob@example.org"),
        ]
    ]
    assert len(set(tags)) == len(tags)


def test_an_unfit_root_key_is_refused() -> None:
    with pytest.raises(KeyInvalid):
        BlindIndex(root_key=b"short", service="identity").tag("address.value", UUID(int=1), "ada@example.org")
