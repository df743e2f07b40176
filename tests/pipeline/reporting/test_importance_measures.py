"""Measures of importance on models and numbers whose answer is known."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from pipeline.reporting import importance_measures as measures


class Booster:
    """A booster with two columns and known importance."""

    def __init__(self, gain, split):
        self.values = {"gain": gain, "split": split}

    def feature_name(self):
        return ["a.x", "a.y"]

    def feature_importance(self, importance_type):
        return np.array(self.values[importance_type])


def test_shares_are_the_mean_over_the_boosters():
    shares = measures.gain_and_split([Booster([3, 1], [1, 1]), Booster([0, 8], [0, 2])], ["a.x", "a.y"])
    assert shares["gain"].to_dict() == {"a.x": 0.375, "a.y": 0.625}
    assert shares["split"].to_dict() == {"a.x": 0.25, "a.y": 0.75}


def test_trees_without_a_split_have_no_share():
    assert measures.gain_and_split([Booster([0, 0], [0, 0])], ["a.x", "a.y"])["gain"].tolist() == [0, 0]


def test_what_trees_do_not_see_has_no_share():
    shares = measures.gain_and_split([Booster([3, 1], [1, 1])], ["net.labelled", "a.x", "a.y"])
    assert shares["gain"].tolist() == [0, 0.75, 0.25]


def test_a_damaged_bundle_is_refused():
    booster = SimpleNamespace(feature_name=lambda: ["noise.a", "noise.b"])
    with pytest.raises(
        ValueError, match=r"booster 0 has the feature noise.b, which the stacker lacks; .* train again"
    ):
        measures.gain_and_split([booster], ["noise.a"])


def test_joint_shap_of_opposite_columns_cancels():
    contributions = np.array([[1.0, -1.0, 0.5, 0.0], [2.0, -2.0, -0.5, 0.0]])
    joint = measures.joint_abs_shap(contributions, ["a.x", "a.y", "b.x"], {"a": ["a.x", "a.y"], "b": ["b.x"]})
    assert joint.to_dict() == {"a": 0.0, "b": 0.5}
    assert measures.mean_abs_shap(contributions, ["a.x", "a.y", "b.x"]).tolist() == [1.5, 1.5, 0.5]


def test_shap_of_no_rows_is_unknown():
    nothing = np.zeros((0, 3))
    assert measures.mean_abs_shap(nothing, ["a.x", "b.x"]).isna().all()
    assert measures.joint_abs_shap(nothing, ["a.x", "b.x"], {"a": ["a.x"], "b": ["b.x"]}).isna().all()


def test_shuffling_costs_what_a_column_is_worth():
    target = np.arange(400) % 2
    features = pd.DataFrame({"a.x": target.astype(float), "a.noise": np.linspace(0, 1, 400)})
    drops = measures.permutation_drop(
        lambda rows: rows["a.x"].to_numpy(),
        features,
        target,
        shuffled_together={"signal": ["a.x"], "noise": ["a.noise"]},
        repeats=4,
        seed=0,
    )
    assert drops.loc["signal", "auc_drop"] == pytest.approx(0.5, abs=0.05)
    assert drops.loc["signal", "auc_drop_sd"] > 0
    assert drops.loc["noise"].tolist() == [0, 0]


def test_columns_of_a_block_are_shuffled_together():
    features = pd.DataFrame({"a.x": np.arange(50.0), "a.y": np.arange(50.0), "b.z": np.arange(50.0)})
    generator = np.random.default_rng(0)
    stacked = measures._shuffled(features, ["a.x", "a.y"], repeats=2, generator=generator)
    assert len(stacked) == 100
    assert (stacked["a.x"] == stacked["a.y"]).all()
    assert sorted(stacked["a.x"][:50]) == features["a.x"].tolist()
    assert stacked["b.z"].tolist() == features["b.z"].tolist() * 2
