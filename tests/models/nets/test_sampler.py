"""Lessons: whole units, partners from the same clip, sources balanced, nothing left to chance twice."""

import math

import numpy as np
import pytest

from models.errors import UserError
from models.nets.sampler import PairedSampler, source_weights


def sampler(**changes):
    target = np.arange(40) % 2
    groups = (np.arange(40) // 2).astype(str)
    sources = np.where(np.arange(40) < 30, "a", "b")
    given = {"target": target, "groups": groups, "sources": sources, "heads": ("labelled", "blend")}
    return PairedSampler(**{**given, "balance": 0.0, "seed": 0, **changes})


def test_an_epoch_is_whole_units_of_a_real_face_and_each_kind():
    shown = sampler().epoch(0)
    assert len(shown) == 40 // 3 * 3
    for real, fake, blend in zip(shown[::3], shown[1::3], shown[2::3], strict=True):
        assert [v.kind for v in (real, fake, blend)] == ["real", "labelled", "blend"]
        assert real.draw == fake.draw == blend.draw
        assert real.row == blend.row
        assert real.row % 2 == 0
        assert fake.row == real.row + 1  # the fake of the same group


def test_without_a_fake_of_the_group_one_of_the_source_is_taken():
    made = sampler(groups=np.arange(40).astype(str))
    for real, fake in zip(made.epoch(0)[::3], made.epoch(0)[1::3], strict=True):
        assert made.target[fake.row] == 1
        assert made.sources[fake.row] == made.sources[real.row]


def test_epochs_differ_and_repeat():
    made = sampler()
    assert made.epoch(1) == sampler().epoch(1)
    assert made.epoch(1) != made.epoch(0)
    assert sampler(seed=1).epoch(0) != made.epoch(0)


def test_every_real_face_has_its_turn():
    made = sampler()
    seen = {v.row for epoch in range(30) for v in made.epoch(epoch) if v.kind == "real"}
    assert seen == set(np.flatnonzero(made.target == 0))


def test_goals_are_of_the_own_head_only():
    made = sampler()
    assert made.goal("real") == [0, 0]
    assert made.goal("labelled")[0] == 1
    assert math.isnan(made.goal("labelled")[1])
    assert made.goal("blend")[1] == 1


def test_without_a_class_it_is_said():
    with pytest.raises(UserError, match="learns labelled, blend, but its train images hold no deepfake"):
        sampler(target=np.zeros(40, int)).epoch(0)
    with pytest.raises(UserError, match="hold no real face"):
        sampler(target=np.ones(40, int)).epoch(0)


def test_a_net_of_pseudo_fakes_needs_no_labelled_ones():
    shown = sampler(target=np.zeros(40, int), heads=("blend",)).epoch(0)
    assert {v.kind for v in shown} == {"real", "blend"}


def test_without_balance_every_row_is_visited_alike():
    np.testing.assert_allclose(source_weights(np.array(["a", "a", "b"]), balance=0), 1)


def test_with_full_balance_every_source_is_visited_alike():
    sources = np.array(["a"] * 90 + ["b"] * 10)
    draws = source_weights(sources, balance=1)
    assert draws[sources == "a"].sum() == pytest.approx(draws[sources == "b"].sum())
    assert draws.mean() == pytest.approx(1)


def test_half_balance_lies_between():
    draws = source_weights(np.array(["a"] * 90 + ["b"] * 10), balance=0.5)
    assert draws[-1] / draws[0] == pytest.approx(3)
