"""Training pictures of a net: windows that move, pictures of a pair that differ by the forgery alone."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from features.views import Crop, Face
from models.nets.face_net import NetSpec
from models.nets.sampler import TrainingSample
from pipeline.runtime import params
from pipeline.samples.training_images import TrainImages, shift
from pipeline.storage.face_schema import to_row
from pipeline.storage.images import recompress_like


def test_native_windows_move_by_an_eighth_at_most_and_keep_their_size():
    crop = Crop((40, 40, 120, 120), (0, 0, 200, 200), np.eye(2, 3))
    moves = set()
    for seed in range(60):
        x0, y0, x1, y1 = shift(crop, np.random.default_rng(seed)).native
        assert (x1 - x0, y1 - y0) == (80, 80)
        assert max(abs(x0 - 40), abs(y0 - 40)) <= 10
        moves.add((x0, y0))
    assert len(moves) > 30


@pytest.fixture
def images(tmp_path):
    rng = np.random.default_rng(0)
    picture = cv2.GaussianBlur(rng.integers(0, 256, (96, 96, 3), dtype=np.uint8), (0, 0), 2)
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    points = np.array([[35, 40], [60, 40], [48, 52], [38, 64], [58, 64]], np.float32)
    face = Face(True, 1, 0.99, np.array([20, 15, 76, 84], np.float32), points)
    spec = NetSpec("x", {}, "rgb", "aligned", 64, (0.5,) * 3, (0.5,) * 3, "test", ("labelled", "blend"))
    return TrainImages([str(tmp_path / "a.png")], to_row(face)[None], spec, params.Faces(), 10**6, 0.5)


def test_the_same_sample_is_the_same_picture(images):
    for kind in ("real", "blend", "resynthesis"):
        sample = TrainingSample(0, kind, 5)
        np.testing.assert_array_equal(images(sample), images(sample))
        assert images(sample).shape == (64, 64, 3)


def test_reals_are_degraded_on_their_own(images):
    """As often as asked, by the sample alone; the pseudo-fakes of the pair stay as they are."""
    with_degraded_reals = replace(images, real_degrade_prob=0.5)
    changed = []
    for draw in range(40):
        real, blend = TrainingSample(0, "real", draw), TrainingSample(0, "blend", draw)
        np.testing.assert_array_equal(with_degraded_reals(blend), images(blend))
        np.testing.assert_array_equal(with_degraded_reals(real), with_degraded_reals(real))
        changed.append((with_degraded_reals(real) != images(real)).any())
    assert 10 <= sum(changed) <= 30


def test_pictures_of_a_pair_share_their_augmentation(images):
    """Real and pseudo-fake lie on each other: nearer than two draws of the same real face."""
    for draw in range(8):
        real, blend, other = (
            images(TrainingSample(0, k, d)) for k, d in (("real", draw), ("blend", draw), ("real", 99))
        )
        gap = [np.abs(real.astype(float) - x).mean() for x in (blend, other)]
        assert gap[0] > 0
        assert np.corrcoef(real.ravel(), blend.ravel())[0, 1] > np.corrcoef(real.ravel(), other.ravel())[0, 1]


@pytest.mark.parametrize("kind", ["blend", "resynthesis"])
def test_a_pseudo_fake_is_compressed_as_its_original_was(images, tmp_path, kind):
    """Saved once more it hardly changes: its lack of compression must not tell it from real faces."""
    path = tmp_path / "a.jpg"
    cv2.imwrite(str(path), cv2.imread(images.paths[0]), [cv2.IMWRITE_JPEG_QUALITY, 25])
    whole = replace(images.spec, crop="native", size=96)  # the picture as it is, but for mirroring
    native = replace(images, paths=[str(path)], spec=whole, degrade_prob=0)
    for draw in range(6):
        made = native(TrainingSample(0, kind, draw))
        again = recompress_like(made, path.read_bytes())
        assert np.abs(again.astype(float) - made).mean() < 0.5
