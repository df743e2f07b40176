"""Bars and the DCT grid, from odd and from poor numbers."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.reporting import importance_figures as figures
from tests.pipeline.reporting.example import ODD_SOURCE


@pytest.fixture
def axes(monkeypatch):
    """The axes of the next picture, filled while it is drawn."""
    drawn = []

    def new_axes(*size):
        figure, added = original(*size)
        drawn.extend(added)
        return figure, added

    original = figures.new_axes
    monkeypatch.setattr(figures, "new_axes", new_axes)
    return drawn


def test_bars_have_the_first_name_on_top(axes):
    panels = {"left": np.array([3.0, np.nan, 1.0]), "right": np.array([1.0, 2.0, 3.0])}
    whiskers = {"right": (np.array([0.9, np.nan, 2.0]), np.array([1.2, np.nan, 3.5]))}
    picture = figures.bars(["a", ODD_SOURCE, "c"], panels, whiskers, "bars")
    assert picture.alt == "bars"
    tops = [patch.get_y() for patch in axes[0].patches]
    assert tops == sorted(tops, reverse=True)
    assert [patch.get_width() for patch in axes[0].patches] == [3, 0, 1]
    assert [text.get_text() for text in axes[0].get_yticklabels()] == ["a", ODD_SOURCE, "c"]
    (lines,) = axes[1].collections
    assert [line[:, 0].tolist() for line in lines.get_segments()] == [[0.9, 1.2], [2.0, 3.5]]
    assert not axes[0].collections


def test_the_grid_shows_shares_in_per_cent(axes):
    grid = np.zeros((8, 8))
    grid[1, 2], grid[7, 7] = 3.0, 1.0
    picture = figures.dct_grid(grid)
    assert picture.alt.endswith("the largest is (1, 2) with 75.0.")
    shown = {text.get_position(): text.get_text() for text in axes[0].texts}
    assert shown[2.5, 1.5] == "75.0"
    assert shown[7.5, 7.5] == "25.0"
    assert len(shown) == 64
    assert axes[0].yaxis_inverted()


def test_a_grid_of_nothing_is_drawn():
    assert figures.dct_grid(np.zeros((8, 8))).alt.endswith("with 0.0.")
