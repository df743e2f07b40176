"""Scores by source, refits without blocks or sources, and what happens where they are impossible."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from models.bundle import Prediction
from pipeline import evaluate
from pipeline.evaluation import ablation, metrics, scores
from pipeline.runtime import params

BLOCKS = {"good": ["good.x"], "noise": ["noise.x", "noise.y"], "net_rgb": ["net_rgb.labelled"]}
QUICK = ablation.quick(params.Train(feature_fraction=1.0, min_data_in_leaf=5), num_boost_round=20)
BOOTSTRAP = ablation.Bootstrap(resamples=20, seed=0)


def rows(n, *, sources=("a", "b"), seed=0):
    generator = np.random.default_rng(seed)
    target = np.arange(n) // 2 % 2
    values = generator.normal(size=(n, 4))
    values[:, 0] += 2 * target
    values[:, 3] += target
    return ablation.Rows(
        features=pd.DataFrame(values.astype(np.float32), columns=[c for b in BLOCKS.values() for c in b]),
        target=target,
        groups=np.array([f"g{i // 2}" for i in range(n)]),
        sources=np.array([sources[i // 4 % len(sources)] for i in range(n)]),
    )


def test_quick_options_are_cheaper_and_keep_the_rest():
    full = params.Train(num_boost_round=2000, lambda_l2=7.0, max_bin=15)
    quick = ablation.quick(full, num_boost_round=50)
    assert (quick.num_boost_round, quick.folds, quick.max_bin, quick.lambda_l2) == (50, 3, 15, 7.0)
    assert ablation.quick(params.Train(), num_boost_round=50).max_bin == ablation.MAX_BIN


def test_ablation_compares_on_the_same_rows():
    table = ablation.ablate(rows(160), rows(120, seed=1), BLOCKS, options=QUICK, bootstrap=BOOTSTRAP)
    assert table["source"].unique().tolist() == [ablation.OVERALL, "a", "b"]
    assert table["n"].tolist() == [120, 60, 60] * 3
    assert np.allclose(table["drop_effect"], table["auc_drop"] - table["auc_full"])
    assert np.allclose(table["only_effect"], table["auc_only"] - table["auc_full"])
    whole = table[table["source"] == ablation.OVERALL].set_index("block")
    assert whole["drop_effect"].idxmin() == "good"
    assert whole["auc_only"].idxmin() == "noise"
    assert ((whole["drop_low"] <= whole["drop_effect"]) & (whole["drop_effect"] <= whole["drop_high"])).all()


def test_the_only_block_cannot_be_dropped():
    one = {"good": BLOCKS["good"]}
    table = ablation.ablate(rows(120), rows(80, seed=1), one, options=QUICK, bootstrap=BOOTSTRAP)
    assert table["auc_drop"].isna().all()
    assert table["auc_only"].equals(table["auc_full"])


def test_too_few_groups_mean_no_ablation_and_a_reason_per_source():
    few = rows(8)
    assert "2 groups with a real face to train on, 3 folds need 3" in str(ablation.cannot_fit(few))
    assert ablation.ablate(few, rows(40), BLOCKS, options=QUICK, bootstrap=BOOTSTRAP).empty
    held = ablation.leave_one_source_out(few, rows(40), BLOCKS, options=QUICK, bootstrap=BOOTSTRAP)
    assert "3 folds need 3" in held["a"]["all_blocks"]["reason"]
    table = ablation.as_table(held)
    assert table["reason"].notna().all()


def test_leave_one_source_out_never_trains_on_the_source():
    train, test = rows(160), rows(120, seed=1)
    # In source a the label turns round, so a stacker that saw only b must fail there.
    for part in (train, test):
        flip = part.sources == "a"
        part.features["good.x"] -= 1  # halfway between the classes
        part.features.loc[flip, "good.x"] *= -1
        part.features.loc[flip, "net_rgb.labelled"] = 0
    blocks = {"good": BLOCKS["good"], "net_rgb": BLOCKS["net_rgb"]}
    held = ablation.leave_one_source_out(train, test, blocks, options=QUICK, bootstrap=BOOTSTRAP)
    assert held["a"]["label_free"]["auc"]["value"] < 0.3
    assert held["a"]["label_free"]["auc_seen"] > held["a"]["label_free"]["auc"]["value"]
    assert held["a"]["in_train"]


def test_source_without_train_rows_is_unseen():
    train, test = rows(160, sources=("a",)), rows(120, seed=1)
    held = ablation.leave_one_source_out(train, test, BLOCKS, options=QUICK, bootstrap=BOOTSTRAP)
    assert held["b"]["in_train"] is False
    assert held["b"]["all_blocks"]["auc_seen"] is None
    assert held["b"]["all_blocks"]["auc"]["value"] > 0.7
    assert "0 groups with a real face" in held["a"]["all_blocks"]["reason"]


def test_one_source_leaves_nothing_out():
    one = rows(80, sources=("a",))
    assert ablation.leave_one_source_out(one, one, BLOCKS, options=QUICK, bootstrap=BOOTSTRAP) == {}
    assert ablation.as_table({}).empty


def test_nets_with_labels_are_not_label_free():
    assert list(ablation.label_free({"net_rgb": ["net_rgb.l"], "embed_x": ["embed_x.0"], "face": []})) == [
        "embed_x",
        "face",
    ]
    only_nets = {"net_rgb": BLOCKS["net_rgb"]}
    held = ablation.leave_one_source_out(rows(160), rows(80), only_nets, options=QUICK, bootstrap=BOOTSTRAP)
    assert held["a"]["label_free"] == {"reason": "no block is free of labels"}


def test_sample_keeps_groups_whole_and_every_source():
    many = rows(2000, sources=("a", "a", "a", "b"))
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
    kept = ablation.Rows.of(table, pd.DataFrame({"x.y": [1.0, 2.0, 3.0]}))
    assert kept.target.tolist() == [1, 0]
    assert kept.features["x.y"].tolist() == [1.0, 3.0]


def test_out_of_fold_scores_find_their_images():
    train = pd.DataFrame({"img_name": ["x", "y", "x"], "sha256": ["1", "2", "3"], "target": [0, 1, 1]})
    oof = pd.DataFrame({"img_name": ["x", "x"], "sha256": ["3", "1"], "score": [0.9, 0.2]})
    prediction = Prediction(score=0.5, novelty=0.3, log_likelihood_ratios={"labelled": -1.0})
    joined = scores.join(train[:1], [prediction], train, oof)
    assert joined["fold_out"].tolist() == [False, True, True, True]
    assert joined["score"].tolist()[:2] == [0.5, 0.2]
    assert np.isnan(joined["score"][2])
    assert joined["score"][3] == 0.9
    assert joined.loc[0, ["novelty", "llr_fakes"]].tolist() == [0.3, -1.0]
    assert joined["novelty"][1:].isna().all()


def test_novelty_is_judged_by_the_images_on_the_wrong_side():
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


def test_table_of_held_out_sources_has_values_and_intervals():
    result = metrics.summary([0, 1], [0.1, 0.9], ["a", "b"], resamples=5, seed=0) | {"auc_seen": 0.7}
    table = ablation.as_table(
        {"s": {"in_train": True, "all_blocks": result, "label_free": {"reason": "why"}}}
    )
    assert table.loc[0, ["auc", "auc_seen", "n"]].tolist() == [1.0, 0.7, 2]
    assert table.loc[1, "reason"] == "why"
    assert {"auc_low", "auc_high", "tpr_at_fpr_1e-3_low"} <= set(table.columns)


def test_audit_verdict_is_copied_with_its_red_findings(tmp_path):
    path = tmp_path / "audit.json"
    assert evaluate.audit_verdict(path) == {}
    findings = [{"level": "red", "text": "leak"}, {"level": "ok", "text": "fine"}]
    path.write_text(json.dumps({"verdict": "red", "findings": findings}), encoding="utf-8")
    assert evaluate.audit_verdict(path) == {"verdict": "red", "red": ["leak"]}


def test_help_says_what_is_read_and_written(capsys):
    with pytest.raises(SystemExit, match="0"):
        evaluate.main(["--help"])
    assert "reports/metrics.json" in capsys.readouterr().out
