"""Tests of one group run in one process, on which the fixtures that start the whole suite rely."""

import os

import pytest


@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="there is one process, so nothing to keep together")
@pytest.mark.xdist_group("together")
def test_the_scheduler_is_told_of_groups(request: pytest.FixtureRequest) -> None:
    # This suffix is all that the scheduler knows of a group; pytest 9.2 with pytest-xdist 3.8 silently leaves it out.
    assert request.node.nodeid.endswith("@together")
