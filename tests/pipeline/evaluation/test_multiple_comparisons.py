"""Holm's correction: by hand, and by what it promises."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.evaluation.multiple_comparisons import holm


def test_a_table_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_what_was_not_tested_does_not_count():
    adjusted = holm([0.02, np.nan, 0.03])
    assert adjusted[[0, 2]] == pytest.approx([0.04, 0.04])
    assert np.isnan(adjusted[1])
    assert len(holm([])) == 0


def test_never_below_p_nor_above_one_and_in_the_same_order():
    p = np.random.default_rng(0).random(50)
    adjusted = holm(p)
    assert (adjusted >= p).all()
    assert (adjusted <= 1).all()
    assert (np.diff(adjusted[np.argsort(p)]) >= 0).all()


def test_one_family_in_twenty_has_a_false_finding():
    p = np.random.default_rng(0).random((2000, 15))
    false = np.mean([(holm(row) < 0.05).any() for row in p])
    assert false == pytest.approx(0.05, abs=0.015)
    assert np.mean((p < 0.05).any(axis=1)) > 0.4  # uncorrected
