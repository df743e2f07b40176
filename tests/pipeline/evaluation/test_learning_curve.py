"""The learning curve: whole groups, nested draws, and a refit for each."""

from __future__ import annotations

import numpy as np
import pandas as pd

from models.bundle_info import BlockInfo
from pipeline.evaluation import learning_curve as module
from pipeline.evaluation.learning_curve import learning_curve, part_of_groups
from pipeline.evaluation.refits import Rows


def rows(groups=40, size=3):
    member = np.repeat(np.arange(groups), size)
    target = member % 2
    return Rows(
        features=pd.DataFrame({"a.x": target + np.linspace(-1, 1, len(target))}, dtype=np.float32),
        target=target,
        groups=np.array([f"g{n}" for n in member]),
        sources=np.where(member < groups // 5, "small", "large"),
    )


def test_whole_groups_of_each_source_and_class_are_drawn():
    table = rows()
    mask = part_of_groups(table, 0.5, seed=0)
    assert mask.sum() == 60
    for group in np.unique(table.groups):
        assert len(set(mask[table.groups == group])) == 1
    for source in ("small", "large"):
        of_source = table.sources == source
        assert abs(mask[of_source].mean() - 0.5) <= 0.1
        assert abs(table.target[mask & of_source].mean() - 0.5) <= 0.1


def test_a_smaller_share_is_a_part_of_a_larger_with_the_same_seed():
    table = rows()
    quarter, half = (part_of_groups(table, share, seed=1) for share in (0.25, 0.5))
    assert not (quarter & ~half).any()
    assert (part_of_groups(table, 0.5, seed=2) != half).any()
    assert part_of_groups(table, 1.0, seed=3).all()


def test_a_row_for_each_refit(monkeypatch):
    seen = []

    def refit(train, test, columns, options):
        seen.append(len(train.target))
        assert list(columns) == ["a.x"]
        return 1 / (1 + np.exp(-test.features["a.x"].to_numpy(np.float64)))

    monkeypatch.setattr(module, "refit", refit)
    blocks = {"a": BlockInfo(sort="spectral", columns=["a.x"])}
    table = learning_curve(rows(), rows(), blocks, options=None, seed=0)
    assert table["share"].tolist() == [0.25] * 3 + [0.5] * 3 + [1.0]
    assert table["images"].tolist() == seen
    assert table["images"].iloc[-1] == 120
    assert (table["low"] <= table["auc"]).all() and (table["auc"] <= table["high"]).all()


def test_what_is_too_small_or_of_one_class_has_no_row():
    few = rows(groups=4)
    assert learning_curve(few, few, {}, options=None, seed=0).empty
    one = rows().take(rows().target == 0)
    table = learning_curve(rows(), one, {}, options=None, seed=0)
    assert table.empty
    assert list(table) == list(module.COLUMNS)
