"""Cheap options, whole groups, and the reason where no fit is possible."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.evaluation.refits import MAX_BIN, Rows, cannot_fit, quick, refit
from pipeline.runtime import params
from tests.pipeline.evaluation.blocks import BLOCKS, QUICK, rows_of


def test_quick_options_are_cheaper_and_keep_the_rest():
    full = params.Train(num_boost_round=2000, lambda_l2=7.0, max_bin=15)
    cheap = quick(full, num_boost_round=50)
    assert (cheap.num_boost_round, cheap.folds, cheap.max_bin, cheap.lambda_l2) == (50, 3, 15, 7.0)
    assert quick(params.Train(), num_boost_round=50).max_bin == MAX_BIN


def test_sample_keeps_groups_whole_and_every_source():
    many = rows_of(2000, sources=("a", "a", "a", "b"))
    some = many.sample(200, seed=0)
    assert 200 <= len(some.target) <= 204
    assert set(some.sources) == {"a", "b"}
    assert (np.unique(some.groups, return_counts=True)[1] == 2).all()
    assert np.array_equal(some.groups, many.sample(200, seed=0).groups)
    assert not np.array_equal(some.groups, many.sample(200, seed=1).groups)
    assert many.sample(2000, seed=0) is many


def test_unlabelled_rows_are_not_refitted():
    table = pd.DataFrame(
        {"target": pd.array([1, None, 0], dtype="Int8"), "group": list("abc"), "source": "s"}
    )
    kept = Rows.of(table, pd.DataFrame({"x.y": [1.0, 2.0, 3.0]}))
    assert kept.target.tolist() == [1, 0]
    assert kept.features["x.y"].tolist() == [1.0, 3.0]


def test_too_few_groups_have_a_reason():
    assert "2 groups with a real face to train on, 3 folds need 3" in str(cannot_fit(rows_of(8)))
    assert cannot_fit(rows_of(80)) is None


def test_a_refit_reads_its_columns_alone():
    train, test = rows_of(160), rows_of(40, seed=1)
    scores = refit(train, test, BLOCKS["good"].columns, QUICK)
    test.features["noise.x"] = 100.0
    assert np.array_equal(scores, refit(train, test, BLOCKS["good"].columns, QUICK))
    assert ((scores > 0) & (scores < 1)).all()
