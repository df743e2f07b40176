"""Scores find their images; figures by source, and the few that runs are compared by."""

from __future__ import annotations

import numpy as np
import pandas as pd

from models.bundle import Prediction
from pipeline.evaluation import scores


def test_out_of_fold_scores_find_their_images():
    train = pd.DataFrame({"img_name": ["x", "y", "x"], "sha256": ["1", "2", "3"], "target": [0, 1, 1]})
    oof = pd.DataFrame({"img_name": ["x", "x"], "sha256": ["3", "1"], "score": [0.9, 0.2]})
    prediction = Prediction(score=0.5, novelty=0.3, log_likelihood_ratios={"labelled": -1.0})
    joined = scores.join(train[:1], [prediction], train, oof)
    assert joined["fold_out"].tolist() == [False, True, True, True]
    assert joined["score"].tolist()[:2] == [0.5, 0.2]
    assert np.isnan(joined["score"][2])
    assert joined["score"][3] == 0.9
    assert joined.loc[0, ["novelty", "llr_labelled"]].tolist() == [0.3, -1.0]
    assert joined["novelty"][1:].isna().all()


def test_novelty_is_weighed_by_the_images_on_the_wrong_side():
    table = pd.DataFrame(
        {
            "target": pd.array([0, 1, 0, 1, None], dtype="Int8"),
            "score": [0.1, 0.9, 0.8, 0.2, 0.9],
            "novelty": [0.1, 0.2, 0.9, 0.15, 0.99],
            "source": ["a", "a", "a", "a", "a"],
        }
    )
    found = scores.novelty(table)
    assert found["overall"] == {"wrong": 2, "n": 4, "auc": 0.75}
    assert scores.novelty(table[:2])["a"]["auc"] is None


def test_summaries_leave_out_what_has_no_label_or_score():
    table = pd.DataFrame(
        {
            "target": pd.array([0, 1, None, 1], dtype="Int8"),
            "score": [0.1, 0.9, 0.5, np.nan],
            "source": ["a", "a", "a", "b"],
            "group": list("wxyz"),
        }
    )
    found = scores.summaries(table, resamples=5, seed=0)
    assert found["overall"]["n"] == 2
    assert list(found["by_source"]) == ["a"]


def evaluation(sources, *, unseen):
    """As the stage writes it, of random scores."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {"target": np.tile([0, 1], 1200), "group": np.arange(2400), "score": rng.random(2400)}
    )
    table["source"] = [sources[i // 2 % len(sources)] for i in range(2400)]
    results = scores.summaries(table, resamples=5, seed=0)
    held = {
        source: {"in_train": True, "label_free": {"auc": {"value": area}}} for source, area in unseen.items()
    }
    return {"val": results, "train_oof": results, "leave_one_source_out": held}


def test_key_figures_are_a_dozen_numbers_at_most():
    names = [f"s{i}" for i in range(12)]
    full = evaluation(names, unseen={name: 0.5 + i / 100 for i, name in enumerate(names)})
    figures = scores.key_figures(full)
    numbers = [value for group in figures.values() for value in group.values()]
    assert len(numbers) == 12
    assert all(isinstance(value, float) for value in numbers)
    assert list(figures["leave_one_source_out"]) == ["s0", "s1", "s2", "s3", "s4"]  # the weakest
    assert figures["val"]["auc"] == full["val"]["overall"]["auc"]["value"]
    by_source = [part["auc"]["value"] for part in full["val"]["by_source"].values()]
    assert figures["val"]["weakest_source_auc"] == min(by_source)


def test_key_figures_leave_out_what_has_no_value():
    one = evaluation(["a"], unseen={})
    assert "leave_one_source_out" not in scores.key_figures(one)
    one["leave_one_source_out"] = {"a": {"in_train": True, "label_free": {"reason": "why"}}}
    assert "leave_one_source_out" not in scores.key_figures(one)
    empty = scores.summaries(
        pd.DataFrame(columns=["target", "score", "source", "group"]), resamples=5, seed=0
    )
    assert scores.key_figures({"val": empty, "train_oof": empty, "leave_one_source_out": {}}) == {}
