"""An expert: the calibrated mean of its boosters, and what its columns contribute to it."""

from dataclasses import replace

import numpy as np

from tests.models.stacker.drawn_tables import kinds_table


def test_its_ratio_is_the_calibrated_mean_of_its_boosters(experts):
    features, expert = kinds_table()[0][:40], experts.experts[0]
    mean = np.mean([b.predict(features, raw_score=True) for b in expert.boosters], axis=0)
    np.testing.assert_allclose(expert.raw(features), expert.slope * mean + expert.offset)
    flat = replace(expert, slope=0.0, offset=1.5)
    np.testing.assert_array_equal(flat.raw(features), np.full(40, 1.5))


def test_contributions_add_up_to_the_ratio(experts):
    features = kinds_table()[0][:40]
    for expert in experts.experts:
        parts = expert.contributions(features)
        assert parts.shape == (40, 4)
        np.testing.assert_allclose(parts.sum(1), expert.raw(features), atol=1e-9)
