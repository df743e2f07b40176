"""Pseudo-fakes of every kind: seeded, another picture of the same scene, of any image."""

import cv2
import numpy as np
import pytest

from features.views import Face
from models.synthesis.pseudo_fakes import forge, kinds
from tests.models.synthesis.drawn_pictures import SIDE, face, picture


@pytest.mark.parametrize("kind", kinds())
def test_the_generator_alone_decides(kind):
    for seed in range(30):
        first, second = (forge(kind, picture(), face(), np.random.default_rng(seed)).fake for _ in range(2))
        np.testing.assert_array_equal(first, second)
        assert first.shape == (SIDE, SIDE, 3)
        assert first.dtype == np.uint8


@pytest.mark.parametrize("kind", kinds())
def test_it_is_another_picture_but_not_another_scene(kind):
    for seed in range(30):
        fake = forge(kind, picture(seed), face(), np.random.default_rng(seed)).fake
        assert (fake != picture(seed)).any()
        coarse = [
            cv2.resize(x.astype(np.float32), (20, 20), interpolation=cv2.INTER_AREA)
            for x in (fake, picture(seed))
        ]
        assert np.corrcoef(coarse[0].ravel(), coarse[1].ravel())[0, 1] > 0.8


@pytest.mark.parametrize("kind", kinds())
def test_its_input_stays(kind):
    image = picture()
    for seed in range(20):
        forge(kind, image, face(), np.random.default_rng(seed))
    np.testing.assert_array_equal(image, picture())


@pytest.mark.parametrize("kind", kinds())
@pytest.mark.parametrize("shape", [(40, 61), (17, 16), (300, 90), (3, 5), (1, 1)])
def test_any_size_and_no_face_will_do(kind, shape):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    nothing = Face(
        False, 0, float("nan"), np.full(4, np.nan, np.float32), np.full((5, 2), np.nan, np.float32)
    )
    for seed in range(12):
        forgery = forge(kind, image, nothing, np.random.default_rng(seed))
        assert forgery.real.shape == forgery.fake.shape == image.shape
        np.testing.assert_array_equal(forgery.real[forgery.mask == 0], forgery.fake[forgery.mask == 0])


@pytest.mark.parametrize("kind", kinds())
@pytest.mark.parametrize("side", [48, 97, SIDE])
def test_where_the_mask_is_empty_real_and_fake_are_the_same_bytes(kind, side):
    for seed in range(40):
        forgery = forge(kind, picture(seed, side), face(side), np.random.default_rng(seed))
        assert forgery.real.dtype == forgery.fake.dtype == np.uint8
        assert forgery.mask.dtype == np.float32
        assert forgery.mask.shape == (side, side)
        assert 0 <= forgery.mask.min() <= forgery.mask.max() <= 1
        differs = (forgery.real != forgery.fake).any(2)
        assert differs.any()
        assert not differs[forgery.mask == 0].any()


def test_an_unknown_kind_is_named_with_the_known_ones():
    with pytest.raises(ValueError, match=r"pseudo-fake 'swap' is unknown; known are .*blend.*resynthesis"):
        forge("swap", picture(), face(), np.random.default_rng(0))
