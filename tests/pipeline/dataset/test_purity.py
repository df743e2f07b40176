"""Leaks in some images: planted ones are found and named, random ones are not."""

import numpy as np
import pandas as pd
import pytest

from pipeline.dataset.file_facts import COLUMNS
from pipeline.dataset.purity import describe, pure_values


def data(n=600, seed=0, group_size=1):
    rng = np.random.default_rng(seed)
    target = rng.permutation(np.arange(n) % 2)
    rows = pd.DataFrame(
        {"target": target, "group": [f"g{i // group_size}" for i in range(n)], "source": "all"}
    )
    values = pd.DataFrame(np.nan, index=rows.index, columns=list(COLUMNS))
    values["kind"] = 0.0
    values["quality"] = rng.choice([75.0, 90.0, 95.0], n)
    values["table_hash"] = values["quality"] * 1000
    values["width"] = rng.integers(200, 400, n).astype(float)
    values["height"] = values["width"]
    return rows, values, rng


@pytest.mark.parametrize("owner", [0, 1])
@pytest.mark.parametrize(("share", "level"), [(0.05, "red"), (0.1, "red"), (0.04, "amber")])
def test_a_table_that_some_of_a_class_have_is_found(owner, share, level):
    rows, values, rng = data(n=1200)
    own = np.flatnonzero(rows["target"] == owner)
    marked = rng.choice(own, round(share * len(own)), replace=False)
    values.loc[marked, "table_hash"] = 1234567.0
    (result,) = pure_values(rows, values)
    assert (result["fact"], result["value"]) == ("table_hash", 1234567.0)
    assert result["owner"] == ("real", "fake")[owner]
    assert result["share"] == pytest.approx(share, abs=0.002)
    assert result["level"] == level
    finding = describe(result)
    assert finding["level"] == level
    assert "table_hash 1234567" in finding["text"]
    assert "0.0% of those of" in finding["text"]


def test_a_few_strays_in_the_other_class_do_not_hide_it():
    rows, values, rng = data(n=2000)
    fakes, reals = (np.flatnonzero(rows["target"] == label) for label in (1, 0))
    values.loc[rng.choice(fakes, 100, replace=False), "table_hash"] = 7.0
    values.loc[rng.choice(reals, 5, replace=False), "table_hash"] = 7.0
    assert [result["value"] for result in pure_values(rows, values)] == [7.0]


def test_facts_that_mark_the_same_images_are_one_finding():
    rows, values, _ = data()
    marked = np.flatnonzero(rows["target"] == 1)[:60]
    values.loc[marked, "table_hash"] = 7.0
    values.loc[marked, "quality"] = 33.0
    assert len(pure_values(rows, values)) == 1


def test_random_facts_are_quiet():
    found = [pure_values(*data(n=400, seed=seed)[:2]) for seed in range(100)]
    assert sum(map(bool, found)) <= 3


def test_a_clip_counts_once():
    rows, values, _ = data(n=400, group_size=20)
    rows["target"] = (np.arange(400) // 20) % 2
    values.loc[:19, "table_hash"] = 7.0  # one clip of ten, of real images
    assert pure_values(rows, values) == []


def test_one_class_alone_has_nothing_to_tell():
    rows, values, _ = data()
    assert pure_values(rows.assign(target=0), values) == []
