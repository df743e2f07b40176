"""An expert: the mean of its boosters and the logits, weighed, and what its columns contribute to it."""

from dataclasses import replace

import numpy as np

from tests.models.stacker.drawn_tables import kinds_table


def test_its_ratio_is_the_weighed_sum_of_trees_and_logits(experts):
    features, expert = kinds_table()[0][:40], experts.experts[0]
    trees = np.mean([b.predict(features, raw_score=True) for b in expert.boosters], axis=0)
    expected = expert.offset + expert.slope * trees
    for name, weight in expert.weights.items():
        expected = expected + weight * (features[name].to_numpy(np.float64) - expert.means[name])
    np.testing.assert_allclose(expert.raw(features), expected)
    flat = replace(expert, slope=0.0, offset=1.5, weights=dict.fromkeys(expert.weights, 0.0))
    np.testing.assert_array_equal(flat.raw(features), np.full(40, 1.5))


def test_contributions_add_up_to_the_ratio(experts):
    features = kinds_table()[0][:40]
    for expert in experts.experts:
        parts = expert.contributions(features)
        assert parts.shape == (40, 4)
        np.testing.assert_allclose(parts.sum(1), expert.raw(features), atol=1e-9)


def test_logits_never_speak_for_the_real(experts):
    for expert in experts.experts:
        assert min(expert.weights.values()) >= 0
        own = f"net_n.{expert.kind}"
        assert expert.weights[own] == max(expert.weights.values())
