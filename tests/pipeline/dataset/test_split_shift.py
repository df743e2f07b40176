"""Files of val and test against those of train."""

import numpy as np
import pandas as pd

from pipeline.dataset.file_facts import COLUMNS
from pipeline.dataset.split_shift import compare_splits, describe


def data(train=400, val=150, quality=(90.0, 90.0)):
    rng = np.random.default_rng(0)
    split = ["train"] * train + ["val"] * val
    rows = pd.DataFrame({"split": split, "group": [f"g{i}" for i in range(len(split))], "source": "all"})
    values = pd.DataFrame(np.nan, index=rows.index, columns=list(COLUMNS))
    values["width"] = rng.integers(200, 400, len(rows)).astype(float)
    mean = np.where(rows["split"] == "val", quality[1], quality[0])
    values["quality"] = mean + rng.integers(-3, 4, len(rows))
    return rows, values


def test_another_quality_of_val_is_said_with_both_medians():
    (result,) = compare_splits(*data(quality=(90.0, 60.0)))
    assert result["verdict"] == "differs"
    assert result["auc"] > 0.99
    finding = describe(result)
    assert finding["level"] == "amber"
    assert "mostly quality" in finding["text"]
    assert "median 60 against 90 in train" in finding["text"]


def test_alike_files_are_quiet():
    (result,) = compare_splits(*data())
    assert result["verdict"] == "alike"
    assert describe(result)["level"] == "ok"


def test_few_files_are_not_judged_and_an_absent_split_is_not_named():
    (result,) = compare_splits(*data(val=10, quality=(90.0, 60.0)))
    assert result["verdict"] == "too few"
    assert "too few" in describe(result)["text"]
    assert describe(result)["level"] == "unknown"
    assert compare_splits(*data(val=0)) == []
