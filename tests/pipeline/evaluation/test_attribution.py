"""Gain and SHAP of models and numbers whose answer is known."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.evaluation import attribution


def expert(kind, *gains):
    """An expert whose boosters have two columns and these gains."""
    boosters = [
        SimpleNamespace(
            feature_name=lambda: ["a.x", "a.y"],
            feature_importance=lambda importance_type, gain=gain: np.array(gain),
        )
        for gain in gains
    ]
    return SimpleNamespace(kind=kind, boosters=boosters)


def test_shares_are_the_mean_over_the_boosters_of_one_expert():
    experts = [expert("labelled", [3, 1], [0, 8]), expert("blend", [1, 0])]
    shares = attribution.gain_by_expert(experts, ["a.x", "a.y"])
    assert shares["labelled"].to_dict() == {"a.x": 0.375, "a.y": 0.625}
    assert shares["blend"].to_dict() == {"a.x": 1, "a.y": 0}


def test_trees_without_a_split_have_no_share():
    assert attribution.gain_by_expert([expert("labelled", [0, 0])], ["a.x", "a.y"])["labelled"].tolist() == [
        0,
        0,
    ]


def test_what_trees_do_not_see_has_no_share():
    shares = attribution.gain_by_expert([expert("labelled", [3, 1])], ["net.labelled", "a.x", "a.y"])
    assert shares["labelled"].tolist() == [0, 0.75, 0.25]


def test_a_damaged_bundle_is_refused():
    with pytest.raises(
        ValueError, match=r"booster 0 of the expert for blend has the feature a.y, which .* train again"
    ):
        attribution.gain_by_expert([expert("blend", [1, 1])], ["a.x"])


def test_joint_shap_of_opposite_columns_cancels():
    contributions = np.array([[1.0, -1.0, 0.5, 0.0], [2.0, -2.0, -0.5, 0.0]])
    columns = ["a.x", "a.y", "b.x"]
    joint = attribution.joint_abs_shap(contributions, columns, {"a": ["a.x", "a.y"], "b": ["b.x"]})
    assert joint.to_dict() == {"a": 0.0, "b": 0.5}
    assert attribution.mean_abs_shap(contributions, columns).tolist() == [1.5, 1.5, 0.5]


def test_shap_of_no_rows_is_unknown():
    nothing = np.zeros((0, 3))
    assert attribution.mean_abs_shap(nothing, ["a.x", "b.x"]).isna().all()
    assert attribution.joint_abs_shap(nothing, ["a.x", "b.x"], {"a": ["a.x"], "b": ["b.x"]}).isna().all()


def test_a_set_without_columns_moves_nothing():
    joint = attribution.joint_abs_shap(np.ones((2, 2)), ["a.x"], {"some": ["a.x"], "none": []})
    assert joint.to_dict() == {"some": 1.0, "none": 0.0}
