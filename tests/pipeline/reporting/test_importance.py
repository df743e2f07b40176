"""Importance on models whose one useful column is known: a planted copy of the label, and a shuffled one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from features.spectral import get
from models.stacker import training
from pipeline.evaluation.refits import Rows
from pipeline.reporting import importance
from pipeline.runtime import params

OPTIONS = params.Train(
    folds=3, num_boost_round=40, early_stopping=10, learning_rate=0.1, feature_fraction=1.0
)
NOISE = 20


def planted(n, seed):
    """Columns of noise, copies of the label that were shuffled, and the label itself under some noise, so that the others are tried too."""
    generator = np.random.default_rng(seed)
    target = np.arange(n) // 2 % 2
    values = {f"noise.{i:02d}": generator.normal(size=n) for i in range(NOISE)}
    values |= {f"shuffled.{i:02d}": generator.permutation(target) for i in range(NOISE)}
    values["planted.label"] = target + 0.6 * generator.normal(size=n)
    return Rows(
        features=pd.DataFrame(values).astype(np.float32),
        target=target,
        groups=np.array([f"g{i // 2}" for i in range(n)]),
        sources=np.full(n, "a"),
    )


@pytest.fixture(scope="module")
def explained():
    rows = planted(300, seed=0)
    model = training.fit(rows.features, rows.target, rows.groups, options=OPTIONS)
    return importance.Explained.of(model, planted(200, seed=1))


@pytest.fixture(scope="module")
def clusters(explained):
    return importance.by_cluster(explained, top=1000, repeats=3, seed=0).set_index("cluster")


def test_a_planted_copy_of_the_label_is_first_by_every_measure(explained, clusters):
    features = importance.by_feature(explained).set_index("feature")
    blocks = importance.by_block(explained, repeats=2, seed=0).set_index("block")
    for table, first in ((features, "planted.label"), (clusters, "planted.label"), (blocks, "planted")):
        measures = {"gain", "gain_labelled", "shap", "auc_drop"} & set(table.columns)
        assert {measure: table[measure].idxmax() for measure in measures} == dict.fromkeys(measures, first)
        assert table.index[0] == first
    assert clusters.loc["planted.label", "auc_drop_low"] > 0.2


def test_a_shuffled_copy_stays_within_its_null(explained, clusters):
    """What the shuffled label earns is what noise earns; shuffled once more it costs nothing."""
    features = importance.by_feature(explained).set_index("feature")
    null = features[features["block"] == "noise"]
    shuffled = clusters[clusters.index.str.startswith("shuffled")]
    for measure in ("gain", "shap"):
        assert features.loc[shuffled.index, measure].mean() <= null[measure].mean() + 2 * null[measure].std()
    beyond = (shuffled["auc_drop_low"] > 0) | (shuffled["auc_drop_high"] < 0)
    assert beyond.sum() <= 3  # of twenty 95 % intervals one, about; three or fewer in 98 draws of 100
    assert shuffled["auc_drop_low"].notna().sum() >= NOISE // 2
    assert shuffled["auc_drop"].abs().max() < 0.02
    assert len(shuffled) == NOISE


def test_shap_values_add_up(explained):
    raw = explained.stacker.raw(explained.rows.features)
    assert np.abs(explained.contributions.sum(1) - raw).max() < 1e-6


def test_shares_of_every_expert_sum_to_one(explained):
    table = importance.by_feature(explained)
    for column in table.columns[table.columns.str.startswith("gain")]:
        assert table[column].sum() == pytest.approx(1)


def test_twins_share_one_bar():
    rows = planted(300, seed=0)
    rows.features["planted.twin"] = -3 * rows.features["planted.label"]
    model = training.fit(rows.features, rows.target, rows.groups, options=OPTIONS)
    val = planted(200, seed=1)
    val.features["planted.twin"] = -3 * val.features["planted.label"]
    table = importance.by_cluster(importance.Explained.of(model, val), top=1, repeats=2, seed=0)
    first = table.iloc[0]
    assert sorted(first["members"].split()) == ["planted.label", "planted.twin"]
    assert first["columns"] == 2
    assert first["auc_drop"] > 0.3  # one alone shuffled would leave the other to tell
    assert table["auc_drop"].notna().tolist() == [True] + [False] * (len(table) - 1)


def test_blocks_are_the_sums_and_joint_effects_of_their_columns(explained):
    features = importance.by_feature(explained)
    blocks = importance.by_block(explained, repeats=1, seed=0).set_index("block")
    assert blocks["columns"].to_dict() == {"planted": 1, "noise": NOISE, "shuffled": NOISE}
    gains = features.groupby("block")["gain"].sum()
    assert blocks["gain"].to_dict() == pytest.approx(gains.to_dict())
    assert (features.groupby("block")["shap"].sum() - blocks["shap"]).min() >= -1e-12


def test_permutation_is_seeded_and_independent_of_the_other_names(explained):
    names = {"planted.label": ["planted.label"], "noise.00": ["noise.00"]}
    alone = explained.drops({"planted.label": ["planted.label"]}, repeats=2, seed=3)
    both = explained.drops(names, repeats=2, seed=3)
    assert alone.loc["planted.label", "auc_drop"] == both.loc["planted.label", "auc_drop"]
    assert not both.equals(explained.drops(names, repeats=2, seed=4))


@pytest.mark.parametrize("rows", [0, 1])
def test_one_class_and_no_rows_give_nan_not_a_crash(explained, rows):
    some = importance.Explained.of(explained.stacker, planted(20, seed=2).take(np.arange(20) < rows))
    assert importance.by_cluster(some, top=2, repeats=1, seed=0)["auc_drop"].isna().all()
    assert importance.by_block(some, repeats=1, seed=0)["gain"].sum() == pytest.approx(1)
    assert importance.by_feature(some)["shap"].notna().all() == bool(rows)


def spectral(columns, weights):
    """An explanation by one column after the other, with SHAP values of one row."""
    contributions = np.array([[*weights, 0.0]])
    stacker = type("", (), {"columns": list(columns)})()
    rows = Rows(pd.DataFrame(), np.array([1]), np.array(["g"]), np.array(["a"]))
    gain = pd.DataFrame({"gain": 0.0}, index=list(columns))
    return importance.Explained(stacker, rows, contributions, gain)


def test_bands_add_up_the_columns_of_a_frequency():
    columns = ["radial.bin_00", "wavelet.level_1h", "angular.top_00", "radial.slope_all", "npr.share_0"]
    table = importance.by_band(spectral(columns, [0.5, 2.0, -0.5, 9.0, 9.0]))
    assert table["shap"].tolist() == [0.5, 0, 0, 0, 0, 1.5, 0]
    assert table["columns"].sum() == 3
    assert importance.by_band(spectral(["npr.share_0"], [1.0])).empty


def test_the_dct_grid_shares_a_column_among_what_it_reads():
    columns = list(get("blockdct").columns)
    weights = np.zeros(len(columns))
    weights[columns.index("blockdct.scale_01")] = -2.0
    weights[columns.index("blockdct.shape_14")] = 1.0  # the anti-diagonal of (7, 7) alone
    weights[columns.index("blockdct.scale_d12")] = 6.0  # anti-diagonals 12 to 14: six coefficients
    explained = spectral(columns, weights)
    grid = importance.on_dct_grid(importance.by_feature(explained))
    assert grid.sum() == pytest.approx(9)
    assert grid[0, 1] + grid[1, 0] == 2
    assert grid[7, 7] == 2
    assert grid[5, 7] == grid[6, 6] == 1
    assert importance.on_dct_grid(importance.by_feature(spectral(["npr.share_0"], [1.0]))) is None


def test_sample_is_seeded_and_sorted():
    drawn = importance.sample_rows(1000, limit=10, seed=1)
    assert len(set(drawn)) == 10
    assert (np.diff(drawn) > 0).all()
    assert np.array_equal(drawn, importance.sample_rows(1000, limit=10, seed=1))
    assert importance.sample_rows(5, limit=10, seed=1).tolist() == [0, 1, 2, 3, 4]


def test_columns_are_grouped_in_order():
    assert importance.columns_by_block(["b.y", "a.x", "b.x.z"]) == {"b": ["b.y", "b.x.z"], "a": ["a.x"]}
