"""Rich-model residuals of pictures whose numbers are known beforehand."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from features.blocks.srm import TRUNCATION, triples
from features.moments import LOG_FLOOR
from tests.features.pictures import gaussian, grey


def test_a_ramp_has_no_second_order_residual(measure):
    y, x = np.mgrid[:64, :64]
    values = measure("srm", grey(2.0 * x + y))
    assert values["level_square"] == pytest.approx(np.log(LOG_FLOOR), abs=1e-2)
    assert np.isnan(values["kurtosis_square"]) and np.isnan(values["triple_zzz"])
    assert values["level_first_x"] == pytest.approx(np.log(2) - np.log(LOG_FLOOR), abs=2e-2)


def test_independent_values_have_no_surprise():
    values = np.random.default_rng(0).standard_normal((400, 400)).astype(np.float32)
    result = triples(values)
    assert len(result) == 39 and np.abs(result).max() < 0.2


def test_triples_do_not_see_sign_or_direction():
    values = gaussian(60, 60).astype(np.float32)[:, ::-1] - 128
    values = cv2.blur(np.ascontiguousarray(values), (3, 1))
    expected = triples(values)
    for other in (-values, values[:, ::-1], values[::-1], values.T):
        np.testing.assert_allclose(triples(np.ascontiguousarray(other)), expected, atol=1e-6)
    assert TRUNCATION == 2
