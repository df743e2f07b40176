"""Tests that share a run of minutes are kept in one process, so that it is made once."""

import os

import pytest


@pytest.mark.xdist_group("together")
@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="one process has no groups to keep")
def test_groups_are_known_to_the_scheduler(request):
    assert request.node.nodeid.endswith("@together"), (
        "pytest and pytest-xdist do not fit: groups are torn apart"
    )
