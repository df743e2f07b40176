"""A check holds within its limit alone; a step that fails is told, and the next runs."""

import json
import math
import time

import pytest

from benchmarks.gpu.record import Check, Rate, Record, Step


@pytest.mark.parametrize(("value", "holds"), [(0.1, True), (0.2, True), (0.21, False), (math.nan, False)])
def test_a_check_holds_within_its_limit(value, holds):
    assert Check("boxes", "px", value, 0.2).holds is holds


def test_a_step_that_fails_or_has_no_time_is_told_and_the_next_runs(tmp_path):
    def fail():
        raise ValueError("no such device")

    rate = Rate("faces", 8, 0.5, {"allocated": 12.0, "reserved": 20.0})
    steps = [
        Step("broken", fail),
        Step("long", lambda: [rate], least=100),
        Step("fine", lambda: [rate, Check("boxes", "px", 1.0, 0.5)]),
    ]
    record = Record({"device": "none"}, tmp_path / "reports/gpu.json")
    record.run(steps, limit=60, begun=time.monotonic())
    told = json.loads(record.file.read_text())
    assert list(told["errors"]) == ["broken", "long"]
    assert told["errors"]["broken"].endswith("ValueError: no such device\n")
    assert "it needs 100" in told["errors"]["long"]
    assert told["rates"][0]["per_second"] == 16.0
    assert told["holds"] is False
    lines = record.table().splitlines()
    assert "| boxes | px | 1 | 0.5 | **off** |" in lines
    assert "| faces | 16.0 | 500.0 | 8 | 12, 20 |" in lines
    assert lines[-3] == "broken: ValueError: no such device"
