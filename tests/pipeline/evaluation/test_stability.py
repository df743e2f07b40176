"""Agreement of runs, on numbers whose agreement is known and on a model that has one signal."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipeline.evaluation.refits import fit
from pipeline.evaluation.stability import COLUMNS, agreement, by_fold, stability
from tests.pipeline.evaluation.blocks import BLOCKS, QUICK, rows_of


def run(*values):
    return pd.Series(values, index=list("abcd")[: len(values)], dtype=float)


def test_agreement_by_hand():
    same, turned = run(4, 3, 2, 1), run(1, 2, 3, 4)
    result = agreement([same, same, turned], top=2)
    assert result["rank_correlation"] == pytest.approx((1 - 1 - 1) / 3)
    assert result["lowest_correlation"] == pytest.approx(-1)
    assert (result["top_shared"], result["lowest_shared"]) == pytest.approx((1 / 3, 0))
    assert (result["runs"], result["top"]) == (3, 2)


def test_names_count_not_their_order():
    assert agreement([run(3, 2, 1), run(3, 2, 1).iloc[::-1]], top=1)["rank_correlation"] == pytest.approx(1)


def test_one_run_or_ties_alone_agree_on_nothing():
    assert np.isnan(agreement([run(2, 1)], top=1)["rank_correlation"])
    assert np.isnan(agreement([run(1, 1), run(2, 1)], top=1)["rank_correlation"])


@pytest.fixture(scope="module")
def model():
    columns = [column for block in BLOCKS.values() for column in block.columns]
    return fit(rows_of(200), columns, QUICK)


def test_a_fold_has_the_boosters_of_one_fold(model):
    folds = by_fold(model)
    assert len(folds) == QUICK.folds
    raw = [one.experts[0].raw(rows_of(20, seed=2).features) for one in folds]
    assert np.mean(raw, axis=0) == pytest.approx(model.experts[0].raw(rows_of(20, seed=2).features))
    assert not np.allclose(raw[0], raw[1])


def test_folds_and_seeds_are_compared_by_feature_and_by_block(model):
    table = stability(model, rows_of(200), rows_of(100, seed=1), BLOCKS, options=QUICK)
    assert list(table.columns) == list(COLUMNS)
    assert table[["between", "level"]].to_numpy().tolist() == [
        ["folds", "features"],
        ["folds", "blocks"],
        ["seeds", "features"],
        ["seeds", "blocks"],
    ]
    assert (table["runs"] == 3).all()
    assert (table["rank_correlation"] > 0).all()
    assert (table["lowest_correlation"] <= table["rank_correlation"]).all()


def test_without_rows_or_a_refit_the_rest_is_told(model):
    none = rows_of(100).take(np.zeros(100, bool))
    assert stability(model, rows_of(200), none, BLOCKS, options=QUICK).empty
    few = stability(model, rows_of(8), rows_of(40), BLOCKS, options=QUICK)
    assert set(few["between"]) == {"folds"}
