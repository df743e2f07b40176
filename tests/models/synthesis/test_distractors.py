"""Distractors: local, the same in both pictures, and the forgery is still there."""

from functools import lru_cache

import numpy as np
import pytest

from models.kinds import Forgery
from models.synthesis import distractors
from models.synthesis.distractors import distracted
from models.synthesis.masks import outline
from tests.models.synthesis.drawn_pictures import SIDE, face, picture

SEEDS = range(30)


@lru_cache
def pair(seed):
    """A forgery; its arrays refuse to be written to."""
    mask = outline(face(), height=SIDE, width=SIDE, rng=np.random.default_rng([seed, 1]))
    fake = picture(seed) + (mask[..., None] * 20).astype(np.uint8)
    forgery = Forgery(real=picture(seed), fake=fake, mask=mask)
    for array in (forgery.real, fake, mask):
        array.flags.writeable = False
    return forgery


@pytest.fixture(params=distractors._CHANGES, ids=lambda change: change.__name__)
def pairs(request, monkeypatch):
    """Each forgery before and after one kind of distractor."""
    monkeypatch.setattr(distractors, "_CHANGES", (request.param,))
    return [(pair(s), distracted(pair(s), face(), np.random.default_rng(s))) for s in SEEDS]


def test_outside_the_forgery_both_pictures_get_the_same_bytes(pairs):
    for before, after in pairs:
        outside = after.mask == 0
        assert (outside >= (before.mask == 0)).all()
        np.testing.assert_array_equal(after.real[outside], after.fake[outside])


def test_a_part_of_the_picture_changes(pairs):
    shares = np.array([(before.real != after.real).any(2).mean() for before, after in pairs])
    assert np.median(shares) > 0.005
    assert shares.max() < 0.6
    assert len(np.unique(shares)) > len(SEEDS) / 2


def test_the_forgery_stays(pairs):
    for before, after in pairs:
        assert after.mask.sum() >= 0.5 * before.mask.sum()
        assert (after.real != after.fake).any()


def test_a_picture_without_a_forgery_stays_a_pair_of_equals(pairs):
    """Whatever is done, it is done to both."""
    for seed in SEEDS:
        real = pair(seed).real
        same = Forgery(real=real, fake=real, mask=np.ones((SIDE, SIDE), np.float32))
        after = distracted(same, face(), np.random.default_rng(seed))
        np.testing.assert_array_equal(after.real, after.fake)


def test_an_object_hides_what_is_behind_it(monkeypatch):
    monkeypatch.setattr(distractors, "_CHANGES", (distractors._object,))
    hidden = 0
    for seed in SEEDS:
        before, after = pair(seed), distracted(pair(seed), face(), np.random.default_rng(seed))
        hidden += bool(((after.mask == 0) & (before.mask > 0.5)).any())
    assert hidden > 3
