"""Refits without sources never train on them, and say where that is impossible."""

from __future__ import annotations

from models.bundle_info import BlockInfo
from pipeline.evaluation.intervals import summary
from pipeline.evaluation.source_holdout import as_table, label_free, leave_one_source_out
from tests.pipeline.evaluation.blocks import BLOCKS, BOOTSTRAP, QUICK, rows_of


def test_too_few_groups_are_a_reason_per_source():
    results = leave_one_source_out(rows_of(8), rows_of(40), BLOCKS, options=QUICK, bootstrap=BOOTSTRAP)
    assert "3 folds need 3" in results["a"]["all_blocks"]["reason"]
    assert as_table(results)["reason"].notna().all()


def test_leave_one_source_out_never_trains_on_the_source():
    train, test = rows_of(160), rows_of(400, seed=1)
    # In source a the label turns round, so a stacker that saw only b must fail there.
    for part in (train, test):
        flip = part.sources == "a"
        part.features["good.x"] -= 1  # halfway between the classes
        part.features.loc[flip, "good.x"] *= -1
        part.features.loc[flip, "rgb.labelled"] = 0
    blocks = {"good": BLOCKS["good"], "rgb": BLOCKS["rgb"]}
    held = leave_one_source_out(train, test, blocks, options=QUICK, bootstrap=BOOTSTRAP)
    assert held["a"]["label_free"]["auc"]["value"] < 0.3
    assert held["a"]["label_free"]["auc_seen"] > held["a"]["label_free"]["auc"]["value"]
    assert held["a"]["in_train"]
    (good,) = held["a"]["label_free"]["block_drops"]
    assert good["block"] == "good"
    assert good["auc_drop_low"] < good["auc_drop"] < good["auc_drop_high"] < 0  # there it misleads
    assert [drop["block"] for drop in held["b"]["all_blocks"]["block_drops"]] == ["good", "rgb"]
    assert "block_drops" not in as_table(held)


def test_source_without_train_rows_is_unseen():
    train, test = rows_of(160, sources=("a",)), rows_of(120, seed=1)
    held = leave_one_source_out(train, test, BLOCKS, options=QUICK, bootstrap=BOOTSTRAP)
    assert held["b"]["in_train"] is False
    assert held["b"]["all_blocks"]["auc_seen"] is None
    assert held["b"]["all_blocks"]["auc"]["value"] > 0.7
    assert "0 groups with a real face" in held["a"]["all_blocks"]["reason"]


def test_one_source_leaves_nothing_out():
    one = rows_of(80, sources=("a",))
    assert leave_one_source_out(one, one, BLOCKS, options=QUICK, bootstrap=BOOTSTRAP) == {}
    assert as_table({}).empty


def test_tuned_nets_are_not_label_free():
    """Whatever a block is called: its sort counts."""
    blocks = {
        "face": BlockInfo(sort="face", columns=["face.found"]),
        "net_like": BlockInfo(sort="embedding", columns=["net_like.0"]),
        "plain": BlockInfo(sort="net", columns=["plain.labelled"]),
        "radial": BlockInfo(sort="spectral", columns=["radial.slope"]),
    }
    assert list(label_free(blocks)) == ["face", "net_like", "radial"]
    only_nets = {"rgb": BLOCKS["rgb"]}
    results = leave_one_source_out(rows_of(160), rows_of(80), only_nets, options=QUICK, bootstrap=BOOTSTRAP)
    assert results["a"]["label_free"] == {"reason": "no block is free of labels"}


def test_table_of_held_out_sources_has_values_and_intervals():
    result = summary([0, 1], [0.1, 0.9], ["a", "b"], resamples=5, seed=0) | {"auc_seen": 0.7}
    table = as_table({"s": {"in_train": True, "all_blocks": result, "label_free": {"reason": "why"}}})
    assert table.loc[0, ["auc", "auc_seen", "n"]].tolist() == [1.0, 0.7, 2]
    assert table.loc[1, "reason"] == "why"
    assert {"auc_low", "auc_high", "tpr_at_fpr_1e-3_low"} <= set(table.columns)
