"""Importance on a model whose one useful column is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from models.stacker import training
from pipeline.reporting import importance
from pipeline.runtime import params

OPTIONS = params.Train(
    folds=3, num_boost_round=40, early_stopping=10, learning_rate=0.1, feature_fraction=1.0
)


def data(n, seed):
    generator = np.random.default_rng(seed)
    target = np.arange(n) % 2
    values = generator.normal(size=(n, 4))
    values[:, 2] += 2.0 * target
    columns = ["noise.a", "noise.b", "good.signal", "good.other"]
    return pd.DataFrame(values.astype(np.float32), columns=columns), target


@pytest.fixture(scope="module")
def explained():
    features, target = data(300, seed=0)
    model = training.fit(features, target, np.arange(300).astype(str), options=OPTIONS)
    return importance.Explained.of(model, *data(200, seed=1))


def test_every_measure_finds_the_one_useful_column(explained):
    table = importance.by_feature(explained, top=4, repeats=2, seed=0).set_index("feature")
    for measure in ("gain", "split", "shap", "auc_drop"):
        assert table[measure].idxmax() == "good.signal", measure
    assert table.index[0] == "good.signal"
    assert table.loc["good.signal", "auc_drop"] > 0.3
    assert table["auc_drop"].drop("good.signal").abs().max() < 0.05
    assert table.loc["good.signal", "block"] == "good"


def test_shares_sum_to_one(explained):
    table = importance.by_feature(explained, top=1, repeats=1, seed=0)
    assert table["gain"].sum() == pytest.approx(1)
    assert table["split"].sum() == pytest.approx(1)


def test_only_the_top_features_are_permuted(explained):
    table = importance.by_feature(explained, top=2, repeats=1, seed=0)
    assert table["auc_drop"].notna().tolist() == [True, True, False, False]


def test_blocks_are_the_sums_and_joint_effects_of_their_columns(explained):
    features = importance.by_feature(explained, top=4, repeats=1, seed=0)
    blocks = importance.by_block(explained, repeats=2, seed=0).set_index("block")
    assert blocks["columns"].to_dict() == {"good": 2, "noise": 2}
    gains = features.groupby("block")["gain"].sum()
    assert blocks["gain"].to_dict() == pytest.approx(gains.to_dict())
    assert (blocks["shap"] <= features.groupby("block")["shap"].sum() + 1e-12).all()
    assert blocks.loc["good", "auc_drop"] > 0.3 > abs(blocks.loc["noise", "auc_drop"]) + 0.2


def test_permutation_is_seeded_and_independent_of_the_other_names(explained):
    names = {"good.signal": ["good.signal"], "noise.a": ["noise.a"]}
    alone = explained.drops({"noise.a": ["noise.a"]}, repeats=2, seed=3)
    both = explained.drops(names, repeats=2, seed=3)
    assert alone.loc["noise.a", "auc_drop"] == both.loc["noise.a", "auc_drop"]
    assert not both.equals(explained.drops(names, repeats=2, seed=4))


def test_one_class_and_no_rows_give_nan_not_a_crash(explained):
    features, target = data(20, seed=2)
    for rows in (0, 1):
        some = importance.Explained.of(explained.stacker, features[:rows], target[:rows])
        table = importance.by_feature(some, top=2, repeats=1, seed=0)
        assert table["auc_drop"].isna().all()
        assert importance.by_block(some, repeats=1, seed=0)["gain"].sum() == pytest.approx(1)
    assert importance.by_feature(some, top=2, repeats=1, seed=0)["shap"].notna().all()


def test_sample_is_seeded_and_sorted():
    drawn = importance.sample_rows(1000, limit=10, seed=1)
    assert len(set(drawn)) == 10
    assert (np.diff(drawn) > 0).all()
    assert np.array_equal(drawn, importance.sample_rows(1000, limit=10, seed=1))
    assert importance.sample_rows(5, limit=10, seed=1).tolist() == [0, 1, 2, 3, 4]


def test_columns_are_grouped_in_order():
    assert importance.columns_by_block(["b.y", "a.x", "b.x.z"]) == {"b": ["b.y", "b.x.z"], "a": ["a.x"]}
