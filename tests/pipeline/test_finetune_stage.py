"""How often a training row is visited, and that its pictures follow row and epoch alone."""

import numpy as np
import pytest

from features.views import Crop
from pipeline.finetune import _shift, visits


def test_without_balance_every_row_is_visited_once():
    np.testing.assert_allclose(visits(np.array(["a", "a", "b"]), balance=0), 1)


def test_with_full_balance_every_source_is_visited_alike():
    sources = np.array(["a"] * 90 + ["b"] * 10)
    draws = visits(sources, balance=1)
    assert draws[sources == "a"].sum() == pytest.approx(draws[sources == "b"].sum())
    assert draws.mean() == pytest.approx(1)


def test_half_balance_lies_between():
    sources = np.array(["a"] * 90 + ["b"] * 10)
    draws = visits(sources, balance=0.5)
    assert draws[-1] / draws[0] == pytest.approx(3)


def test_native_windows_move_by_an_eighth_at_most_and_keep_their_size():
    crop = Crop((40, 40, 120, 120), (0, 0, 200, 200), np.eye(2, 3))
    moves = set()
    for seed in range(60):
        x0, y0, x1, y1 = _shift(crop, np.random.default_rng(seed)).native
        assert (x1 - x0, y1 - y0) == (80, 80)
        assert max(abs(x0 - 40), abs(y0 - 40)) <= 10
        moves.add((x0, y0))
    assert len(moves) > 30
