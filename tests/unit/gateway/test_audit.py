"""What the audit log's routes read from a query."""

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from services.gateway.api.audit import entry_filter, whole_number
from services.gateway.edge.problem import Problem
from wardenry.audit.v1.entry_pb2 import ListEntriesRequest
from wardenry.audit.v1.log_pb2 import GetInclusionProofRequest


@pytest.mark.parametrize(
    "text",
    ["yesterday", "2026-11-22T04:00:00", "0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59-23:00"],
    ids=["no time", "no offset", "before the first year", "after the last year"],
)
def test_what_is_no_moment_is_refused_by_name(text: str) -> None:
    with pytest.raises(Problem) as refused:
        entry_filter({"occurred_before": text})

    assert refused.value.status == 400
    assert [violation.field for violation in refused.value.violations] == ["occurred_before"]


def test_an_offset_is_counted() -> None:
    assert entry_filter({"occurred_from": "1970-01-01T01:00:00+01:00"}).occurred_from == Timestamp()


@pytest.mark.parametrize("text", ["-1", "1.5", "\u0663", "0x1", "1" * 10])
def test_what_does_not_fit_is_refused_before_a_service_is_asked(text: str) -> None:
    with pytest.raises(Problem) as refused:
        whole_number({"page_size": text}, "page_size", digits=9)

    assert refused.value.status == 400
    assert [violation.field for violation in refused.value.violations] == ["page_size"]


def test_what_passes_fits_into_the_contract() -> None:
    assert ListEntriesRequest(page_size=whole_number({"page_size": "9" * 9}, "page_size", digits=9)).page_size
    assert GetInclusionProofRequest(index=whole_number({"index": "9" * 18}, "index")).index
    assert whole_number({}, "index") == 0
