"""Samples: whole pairs, partners from the same clip, sources balanced, the same draw from the same seed."""

import math

import numpy as np
import pytest

from models.errors import UserError
from models.nets.sampler import PairedSampler, source_weights


def sampler(**changes):
    target = np.arange(40) % 2
    groups = (np.arange(40) // 2).astype(str)
    sources = np.where(np.arange(40) < 30, "a", "b")
    arguments = {"target": target, "groups": groups, "sources": sources, "heads": ("labelled", "blend")}
    return PairedSampler(**{**arguments, "balance": 0.0, "seed": 0, **changes})


def test_an_epoch_is_whole_pairs_of_a_real_face_and_each_kind():
    shown = sampler().epoch(0)
    assert len(shown) == 40 // 3 * 3
    for real, fake, blend in zip(shown[::3], shown[1::3], shown[2::3], strict=True):
        assert [sample.kind for sample in (real, fake, blend)] == ["real", "labelled", "blend"]
        assert real.draw == fake.draw == blend.draw
        assert real.row == blend.row
        assert real.row % 2 == 0
        assert fake.row == real.row + 1  # the fake of the same group


def test_without_a_fake_of_the_group_one_of_the_source_is_taken():
    sampled = sampler(groups=np.arange(40).astype(str))
    for real, fake in zip(sampled.epoch(0)[::3], sampled.epoch(0)[1::3], strict=True):
        assert sampled.target[fake.row] == 1
        assert sampled.sources[fake.row] == sampled.sources[real.row]


def test_epochs_differ_and_repeat():
    sampled = sampler()
    assert sampled.epoch(1) == sampler().epoch(1)
    assert sampled.epoch(1) != sampled.epoch(0)
    assert sampler(seed=1).epoch(0) != sampled.epoch(0)


def test_every_real_face_has_its_turn():
    sampled = sampler()
    seen = {sample.row for epoch in range(30) for sample in sampled.epoch(epoch) if sample.kind == "real"}
    assert seen == set(np.flatnonzero(sampled.target == 0))


def test_goals_say_nothing_to_the_heads_of_other_kinds():
    sampled = sampler()
    assert sampled.goal("real") == [0, 0]
    assert sampled.goal("labelled")[0] == 1
    assert math.isnan(sampled.goal("labelled")[1])
    assert sampled.goal("blend")[1] == 1


def test_no_samples_are_left_out_of_the_last_pair_of_an_odd_set():
    shown = sampler(target=np.array([0, 1]), groups=np.array(["a", "a"]), sources=np.array(["s", "s"])).epoch(
        0
    )
    assert [sample.kind for sample in shown] == ["real", "labelled", "blend"]


def test_balance_draws_a_small_source_as_often_as_a_large_one():
    sources = np.where(np.arange(40) < 36, "large", "small")
    balanced = sampler(sources=sources, balance=1.0)
    rows = [s.row for epoch in range(60) for s in balanced.epoch(epoch) if s.kind == "real"]
    assert np.mean(sources[rows] == "small") == pytest.approx(0.5, abs=0.05)
    plain = sampler(sources=sources)
    rows = [s.row for epoch in range(60) for s in plain.epoch(epoch) if s.kind == "real"]
    assert np.mean(sources[rows] == "small") == pytest.approx(0.1, abs=0.05)


def test_without_a_class_it_is_said():
    with pytest.raises(
        UserError, match="learns labelled, blend, but its train images hold no deepfake; give it"
    ):
        sampler(target=np.zeros(40, int)).epoch(0)
    with pytest.raises(UserError, match="hold no real face"):
        sampler(target=np.ones(40, int)).epoch(0)


def test_a_net_of_pseudo_fakes_needs_no_labelled_ones():
    shown = sampler(target=np.zeros(40, int), heads=("blend",)).epoch(0)
    assert {sample.kind for sample in shown} == {"real", "blend"}


def test_without_balance_every_row_weighs_alike():
    np.testing.assert_allclose(source_weights(np.array(["a", "a", "b"]), balance=0), 1)


def test_with_full_balance_every_source_weighs_alike():
    sources = np.array(["a"] * 90 + ["b"] * 10)
    draws = source_weights(sources, balance=1)
    assert draws[sources == "a"].sum() == pytest.approx(draws[sources == "b"].sum())
    assert draws.mean() == pytest.approx(1)


def test_half_balance_lies_between():
    draws = source_weights(np.array(["a"] * 90 + ["b"] * 10), balance=0.5)
    assert draws[-1] / draws[0] == pytest.approx(3)


@pytest.mark.parametrize(
    ("images", "batch_size", "batch", "per_epoch"), [(33, 8, 8, 32), (33, 7, 6, 30), (5, 8, 8, 4)]
)
def test_batches_are_whole_pairs_and_an_epoch_whole_batches(images, batch_size, batch, per_epoch):
    sampler = PairedSampler(
        target=np.arange(images) % 2,
        groups=np.arange(images).astype(str),
        sources=np.full(images, "a"),
        heads=("labelled",),
        balance=0.0,
        seed=0,
    )
    assert sampler.batching(batch_size) == (batch, per_epoch)
