"""An expert: the mean of its boosters and the logits, weighed, and what its columns contribute to it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from models.stacker.expert import ROWS_PER_THREAD, Expert
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


@pytest.mark.parametrize("rows", [1, 40, ROWS_PER_THREAD])
def test_an_array_on_one_thread_gives_the_bits_of_a_table(experts, rows):
    table = kinds_table()[0]
    table.iloc[::5, 0] = np.nan
    features = pd.concat([table, table], ignore_index=True)[:rows]
    expert = replace(experts.experts[0], weights={}, means={})
    trees = np.mean([b.predict(features, raw_score=True) for b in expert.boosters], axis=0)
    np.testing.assert_array_equal(expert.raw(features), expert.slope * trees + expert.offset)


@pytest.mark.parametrize(("rows", "threads"), [(1, 1), (ROWS_PER_THREAD, 0)])
def test_trees_read_an_array_and_few_rows_take_one_thread(rows, threads):
    asked = []

    class Trees:
        def predict(self, rows, *, raw_score, pred_contrib, num_threads):
            asked.append((type(rows), rows.dtype, num_threads))
            return np.zeros(len(rows))

    features = pd.DataFrame(np.zeros((rows, 2), np.float32), columns=["a.x", "a.y"])
    Expert("labelled", [Trees()], 1.0, 0.0).raw(features)
    assert asked == [(np.ndarray, np.float32, threads)]
