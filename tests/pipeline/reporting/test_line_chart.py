"""The spectrum of one image: lines through the numbers, broken where one is missing, in both languages and both lights."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from pipeline.reporting.line_chart import _Scale, _ticks, spectrum_of_one
from pipeline.reporting.svg import VARIABLES

FREQUENCY = np.linspace(0.05, 0.65, 4)
LINES = {
    "image": np.array([1.0, 0.0, np.nan, -1.0]),
    "real": np.array([1.0, 0.5, 0.0, -0.5]),
    "fake": np.array([0.9, 0.4, 0.1, -0.9]),
}


def paths(svg):
    root = ElementTree.fromstring(svg)
    return [element.attrib["d"] for element in root.iter() if element.tag.endswith("path")]


def points(path):
    return [tuple(map(float, point.split())) for point in re.findall(r"[ML]([-\d. ]+)", path)]


def test_each_line_goes_through_its_numbers():
    image, real, fake = paths(spectrum_of_one(FREQUENCY, LINES).svg)
    placed = np.array(points(real))
    values = np.column_stack([FREQUENCY, LINES["real"]])
    for axis in (0, 1):  # px are a linear function of the number, which falls upwards
        slope, start = np.polyfit(values[:, axis], placed[:, axis], 1)
        np.testing.assert_allclose(values[:, axis] * slope + start, placed[:, axis], atol=0.1)
        assert slope > 0 if axis == 0 else slope < 0
    assert points(fake)[0][1] > points(real)[0][1]  # smaller, so lower on the page
    assert points(image)[0] == points(real)[0]  # the same number in the same place
    assert [command for command in image if command in "ML"] == ["M", "L", "M"]  # broken at the missing one


def test_the_same_numbers_are_the_same_bytes_and_no_colour_is_fixed():
    svg = spectrum_of_one(FREQUENCY, LINES).svg
    assert svg == spectrum_of_one(FREQUENCY, LINES).svg
    assert not any(colour.lower() in svg.lower() for colour in VARIABLES)
    assert 'lang="en">log power<' in svg and svg.count('lang="zh">') == 5


@pytest.mark.parametrize("values", [[np.nan] * 4, [2.0] * 4])
def test_a_spectrum_without_an_extent_is_drawn(values):
    assert "nan" not in spectrum_of_one(FREQUENCY, dict.fromkeys(LINES, np.array(values))).svg


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 0.7, ["0.0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7"]),
        (-3.1, 2.2, ["\u22123", "\u22122", "\u22121", "0", "1", "2"]),
        (0.0, 1200.0, ["0", "200", "400", "600", "800", "1000", "1200"]),
    ],
)
def test_ticks_are_round_numbers(low, high, expected):
    assert [shown for _, shown in _ticks(_Scale(low, high, 0, 1))] == expected
