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


def test_an_epoch_has_as_many_pairs_of_each_head_in_turn():
    shown = sampler().epoch(0)
    assert [pair.kind for pair in shown] == ["labelled", "blend"] * 10
    for labelled, blend in zip(shown[::2], shown[1::2], strict=True):
        assert labelled.real % 2 == blend.real % 2 == 0
        assert labelled.fake == labelled.real + 1  # the fake of the same group
        assert blend.fake == blend.real  # made of that face
    assert len({pair.draw for pair in shown}) == len(shown)


def test_without_a_fake_of_the_group_one_of_the_source_is_taken():
    sampled = sampler(groups=np.arange(40).astype(str), heads=("labelled",))
    for pair in sampled.epoch(0):
        assert sampled.target[pair.fake] == 1
        assert sampled.sources[pair.fake] == sampled.sources[pair.real]


def test_epochs_differ_and_repeat():
    sampled = sampler()
    assert sampled.epoch(1) == sampler().epoch(1)
    assert sampled.epoch(1) != sampled.epoch(0)
    assert sampler(seed=1).epoch(0) != sampled.epoch(0)


@pytest.mark.parametrize("kind", ["labelled", "blend"])
def test_every_real_face_has_its_turn(kind):
    sampled = sampler()
    seen = {pair.real for epoch in range(40) for pair in sampled.epoch(epoch) if pair.kind == kind}
    assert seen == set(np.flatnonzero(sampled.target == 0))


def test_a_kind_is_made_of_the_faces_that_can_be_made_into_it():
    can = np.arange(40) % 8 == 0
    pairs = [pair for epoch in range(20) for pair in sampler(can_forge={"blend": can}).epoch(epoch)]
    assert {pair.real for pair in pairs if pair.kind == "blend"} == set(np.flatnonzero(can))
    assert {pair.real for pair in pairs if pair.kind == "labelled"} > set(np.flatnonzero(can))
    with pytest.raises(UserError, match="hold no real face for blend; give it"):
        sampler(can_forge={"blend": can & False}).epoch(0)


def test_goals_say_nothing_to_the_heads_of_other_kinds():
    real, fake = sampler().goals("labelled")
    assert real == [0, 0]
    assert fake[0] == 1
    assert math.isnan(fake[1])
    assert sampler().goals("blend")[1][1] == 1


def test_two_images_make_a_pair_of_each_head():
    tiny = sampler(target=np.array([0, 1]), groups=np.array(["a", "a"]), sources=np.array(["s", "s"]))
    assert [pair.kind for pair in tiny.epoch(0)] == ["labelled", "blend"]


def test_balance_draws_a_small_source_as_often_as_a_large_one():
    sources = np.where(np.arange(40) < 36, "large", "small")
    balanced = sampler(sources=sources, balance=1.0, heads=("labelled",))
    rows = [pair.real for epoch in range(60) for pair in balanced.epoch(epoch)]
    assert np.mean(sources[rows] == "small") == pytest.approx(0.5, abs=0.05)
    plain = sampler(sources=sources, heads=("labelled",))
    rows = [pair.real for epoch in range(60) for pair in plain.epoch(epoch)]
    assert np.mean(sources[rows] == "small") == pytest.approx(0.1, abs=0.05)


def test_without_a_class_it_is_said():
    with pytest.raises(
        UserError, match="labelled, blend, but its train images hold no deepfake for labelled"
    ):
        sampler(target=np.zeros(40, int)).epoch(0)
    with pytest.raises(UserError, match="hold no real face for labelled"):
        sampler(target=np.ones(40, int)).epoch(0)


def test_a_net_of_pseudo_fakes_needs_no_labelled_ones():
    shown = sampler(target=np.zeros(40, int), heads=("blend",)).epoch(0)
    assert {pair.kind for pair in shown} == {"blend"}


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
    ("images", "batch_size", "heads", "batch", "per_epoch"),
    [(33, 8, 1, 4, 16), (33, 7, 1, 3, 15), (5, 8, 1, 4, 2), (33, 8, 2, 4, 16), (33, 2, 3, 3, 15)],
)
def test_batches_are_whole_pairs_and_an_epoch_whole_batches(images, batch_size, heads, batch, per_epoch):
    sampled = PairedSampler(
        target=np.arange(images) % 2,
        groups=np.arange(images).astype(str),
        sources=np.full(images, "a"),
        heads=("labelled", "blend", "resynthesis")[:heads],
        balance=0.0,
        seed=0,
    )
    assert sampled.batching(batch_size) == (batch, per_epoch)
    assert len(sampled.epoch(0)) >= per_epoch
