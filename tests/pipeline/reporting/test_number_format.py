"""Numbers as text."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.reporting.elements import Cell
from pipeline.reporting.number_format import ABSENT, is_absent, number, percent, with_interval


def test_absent_numbers_are_a_dash():
    nothing = (None, float("nan"), np.float64("nan"))
    assert all(is_absent(value) for value in nothing)
    assert [number(value) for value in nothing] == [percent(value) for value in nothing] == [ABSENT] * 3
    assert not any(is_absent(value) for value in (0, 0.0, -1.5, float("inf")))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (number(1234), "1,234"),
        (number(np.int64(1234)), "1,234"),
        (number(0.12345), "0.123"),
        (number(0.12345, 1), "0.1"),
        (number(-0.12345, signed=True), "\u22120.123"),
        (number(0.5, signed=True), "+0.500"),
        (percent(0.1234), "12.3\u00a0%"),
        (percent(0.1234, 0), "12\u00a0%"),
    ],
)
def test_numbers(text, expected):
    assert text == expected


def test_interval_is_the_small_line_of_a_cell():
    assert with_interval({"value": 0.5, "low": 0.25, "high": 0.75}) == Cell("0.500", "0.250–0.750")
    signed = with_interval({"value": 0.5, "low": -0.25, "high": 0.75}, 1, signed=True)
    assert signed == Cell("+0.5", "\u22120.2 … +0.8")
    assert with_interval({"value": 0.5, "low": None, "high": None}) == Cell("0.500")
    assert with_interval(None) == with_interval({"value": None, "low": None, "high": None}) == Cell(ABSENT)
