"""Shuffling costs what a column is worth, and its interval says how sure that is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipeline.evaluation import permutation
from pipeline.evaluation.auc_interval import auc_difference


def drops(features, target, *, groups=None, repeats=4, seed=0, predict=lambda rows: rows["a.x"].to_numpy()):
    return permutation.permutation_drop(
        predict,
        features,
        target,
        np.arange(len(target)) if groups is None else groups,
        shuffled_together={column: [column] for column in features},
        repeats=repeats,
        seed=seed,
    )


def test_shuffling_costs_what_a_column_is_worth():
    target = np.arange(400) % 2
    features = pd.DataFrame({"a.x": target + 0.0, "a.noise": np.linspace(0, 1, 400)})
    table = drops(features, target)
    signal = table.loc["a.x"]
    assert signal["auc_drop"] == pytest.approx(0.5, abs=0.05)
    assert signal["auc_drop_low"] < signal["auc_drop"] < signal["auc_drop_high"]
    assert signal["auc_drop_low"] > 0.4
    assert table.loc["a.noise"].tolist() == [0, 0, 0]


def test_the_interval_is_that_of_the_mean_difference_of_the_permutations():
    generator = np.random.default_rng(0)
    target = np.arange(300) % 2
    features = pd.DataFrame(
        {"a.x": target + generator.normal(size=300), "a.noise": generator.normal(size=300)}
    )
    table = drops(features, target, repeats=3)
    stacked = permutation._shuffled(
        features,
        ["a.x"],
        repeats=3,
        generator=np.random.default_rng([0, permutation.zlib.crc32(b"a.x")]),
    )
    gap = auc_difference(target, stacked["a.x"].to_numpy().reshape(3, 300), features["a.x"], np.arange(300))
    assert table.loc["a.x"].tolist() == [-gap["value"], -gap["high"], -gap["low"]]


def test_images_in_groups_make_it_less_sure():
    generator = np.random.default_rng(0)
    target = np.repeat(np.arange(60) % 2, 10)
    by_group = np.repeat(generator.normal(size=60), 10)
    features = pd.DataFrame({"a.x": 0.7 * target + by_group})
    apart = drops(features, target).loc["a.x"]
    together = drops(features, target, groups=np.repeat(np.arange(60), 10)).loc["a.x"]
    width = [row["auc_drop_high"] - row["auc_drop_low"] for row in (apart, together)]
    assert width[1] > 1.5 * width[0]


def test_a_column_that_says_nothing_stays_within_its_interval():
    """In 19 of 20 draws about; a score that gives noise a weight does not find it useful."""
    inside = 0
    for seed in range(100):
        generator = np.random.default_rng(seed)
        target = np.arange(200) % 2
        features = pd.DataFrame(
            {"a.x": target + generator.normal(size=200), "a.noise": generator.normal(size=200)}
        )
        row = drops(
            features, target, repeats=2, predict=lambda rows: (rows["a.x"] + 0.5 * rows["a.noise"]).to_numpy()
        ).loc["a.noise"]
        inside += row["auc_drop_low"] <= 0 <= row["auc_drop_high"]
    assert inside >= 88


def test_one_class_has_no_drop():
    table = drops(pd.DataFrame({"a.x": np.arange(20.0)}), np.ones(20))
    assert table.isna().all(axis=None)


def test_too_few_groups_have_no_interval():
    target = np.arange(40) % 2
    row = drops(pd.DataFrame({"a.x": target + 0.0}), target, groups=np.arange(40) // 10).loc["a.x"]
    assert row["auc_drop"] > 0.2
    assert np.isnan(row["auc_drop_low"])


def test_columns_of_a_set_are_shuffled_together():
    features = pd.DataFrame({"a.x": np.arange(50.0), "a.y": np.arange(50.0), "b.z": np.arange(50.0)})
    generator = np.random.default_rng(0)
    stacked = permutation._shuffled(features, ["a.x", "a.y"], repeats=2, generator=generator)
    assert len(stacked) == 100
    assert (stacked["a.x"] == stacked["a.y"]).all()
    assert sorted(stacked["a.x"][:50]) == features["a.x"].tolist()
    assert stacked["b.z"].tolist() == features["b.z"].tolist() * 2
