"""Folds keep groups whole, balance classes and say when there is too little."""

import numpy as np
import pytest

from models.errors import UserError
from models.folds import assign


def rows(n=600, groups=200, seed=0):
    rng = np.random.default_rng(seed)
    source = np.where(rng.random(n) < 0.2, "b", "a")
    return rng.integers(0, 2, n), rng.integers(0, groups, n).astype(str), source


def test_groups_stay_whole_and_every_row_has_a_fold():
    target, group, source = rows()
    fold = assign(target, group, source, folds=4, seed=0)
    assert set(fold) == {0, 1, 2, 3}
    for name in np.unique(group):
        assert len(set(fold[group == name])) == 1


def test_folds_are_alike_in_size_class_and_source():
    target, group, source = rows(2000, 1500)
    fold = assign(target, group, source, folds=4, seed=0)
    for index in range(4):
        valid = fold == index
        assert abs(valid.mean() - 0.25) < 0.03
        assert abs(target[valid].mean() - target.mean()) < 0.03
        assert abs((source[valid] == "b").mean() - (source == "b").mean()) < 0.03


def test_the_seed_decides():
    target, group, source = rows()
    first = assign(target, group, source, folds=3, seed=1)
    np.testing.assert_array_equal(first, assign(target, group, source, folds=3, seed=1))
    assert (first != assign(target, group, source, folds=3, seed=2)).any()


def test_too_few_groups_are_refused():
    target, group = np.array([0, 0, 0, 1, 1, 1]), np.array(["a", "b", "c", "d", "d", "d"])
    with pytest.raises(
        UserError, match=r"class 1 \(fake\) has 1 groups among the training images, fewer than the 3"
    ):
        assign(target, group, np.full(6, "x"), folds=3, seed=0)


def test_folds_do_not_depend_on_the_order_of_the_rows():
    rng = np.random.default_rng(0)
    groups = np.array([f"g{i}" for i in rng.integers(0, 80, 400)])
    target, sources = rng.integers(0, 2, 400), np.where(rng.random(400) < 0.3, "b", "a")
    plain = assign(target, groups, sources, folds=4, seed=3)
    order = rng.permutation(400)
    again = assign(target[order], groups[order], sources[order], folds=4, seed=3)
    np.testing.assert_array_equal(again, plain[order])


def test_sources_too_small_to_be_shared_out_are_folded_by_class_alone():
    target = np.array([0, 0, 0, 1, 1, 1])
    sources = np.array(["a", "b", "c", "a", "b", "c"])
    fold = assign(target, np.array(list("uvwxyz")), sources, folds=3, seed=0)
    assert all(sorted(target[fold == index]) == [0, 1] for index in range(3))
