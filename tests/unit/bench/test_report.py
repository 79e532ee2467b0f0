"""The table of the benchmarks: fits, and says everything, however wide the terminal is."""

import io

import pytest
from rich.console import Console

from tests.bench.measurement import Measurement
from tests.bench.report import tell

MET = Measurement(
    id="R1",
    what="CPU of session and PostgreSQL for a refresh over mutual TLS, 128 in flight",
    result=0.612,
    unit="ms",
    limit=0.67,
    against="the goal [of all]",
    goal=1,
    at_least=False,
)
MISSED = Measurement(
    id="A1",
    what="events a second from the embedded broker to indexed entries",
    result=12345,
    unit="events/s",
    limit=60000,
    against="COPY of the same rows",
    goal=0.3,
    at_least=True,
)


@pytest.mark.parametrize("width", [80, 100, 140])
def test_it_fits_and_leaves_nothing_out(width: int) -> None:
    out = io.StringIO()
    tell(
        Console(file=out, width=width),
        [MET, MISSED],
        missing=[("M1", "no stack could be started")],
        notes=["a note of many words " * 10],
        state=[("machine", "with two cores " * 10)],
    )
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    rows = {line.split()[0]: line for line in lines if line.startswith(("R1 ", "A1 ", "M1 ")) and ("met" in line or
            "missed" in line or "not measured" in line)}  # fmt: skip
    assert (set(rows), "missed" in rows["A1"]) == ({"R1", "A1", "M1"}, True)
    assert all(figure in rows["A1"] for figure in ("12,345 events/s", "60,000", "0.206", "≥ 0.3"))
    # A cell of words is broken over lines, between others' cells.
    words = out.getvalue().split()
    for text in (MET.what, MET.against, MISSED.what, MISSED.against, "no stack could be started"):
        assert set(text.split()) <= {word.strip(";") for word in words}
