"""Refits without blocks, and what happens where they are impossible."""

from __future__ import annotations

import numpy as np
import pytest

from models.bundle_info import OVERALL
from pipeline.evaluation.ablation import COLUMNS, ablate
from pipeline.evaluation.multiple_comparisons import holm
from tests.pipeline.evaluation.blocks import BLOCKS, QUICK, rows_of


def test_ablation_compares_on_the_same_rows():
    table = ablate(rows_of(160), rows_of(400, seed=1), BLOCKS, options=QUICK)
    assert table["source"].unique().tolist() == [OVERALL, "a", "b"]
    assert table["n"].tolist() == [400, 200, 200] * 3
    assert np.allclose(table["drop_effect"], table["auc_drop"] - table["auc_full"])
    assert np.allclose(table["only_effect"], table["auc_only"] - table["auc_full"])
    whole = table[table["source"] == OVERALL].set_index("block")
    assert whole["drop_effect"].idxmin() == "good"
    assert whole["auc_only"].idxmin() == "noise"
    for _, of_source in table.groupby("source"):
        assert of_source["drop_p_holm"].tolist() == pytest.approx(
            holm(of_source["drop_p"]).tolist(), nan_ok=True
        )
    assert whole.loc["good", "drop_p_holm"] < 0.05
    known = whole.astype(dict.fromkeys(("drop_low", "drop_high", "drop_p"), float)).dropna()
    assert "good" in known.index
    excluded = (known["drop_low"] > 0) | (known["drop_high"] < 0)
    assert ((known["drop_p"] < 0.05) == excluded).all()
    assert ((known["drop_low"] <= known["drop_effect"]) & (known["drop_effect"] <= known["drop_high"])).all()


def test_the_only_block_cannot_be_dropped():
    one = {"good": BLOCKS["good"]}
    table = ablate(rows_of(120), rows_of(80, seed=1), one, options=QUICK)
    assert table["auc_drop"].isna().all()
    assert table["auc_only"].equals(table["auc_full"])


def test_too_few_groups_mean_no_ablation():
    table = ablate(rows_of(8), rows_of(40), BLOCKS, options=QUICK)
    assert table.empty
    assert table.columns.tolist() == list(COLUMNS)
