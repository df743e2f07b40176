"""Training pictures of a net: windows that move, pictures of a pair that differ by the forgery alone."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from features.views import Crop, Face
from models.nets.net_spec import NetSpec
from models.nets.sampler import TrainingPair
from pipeline.runtime import params
from pipeline.samples.forging import Forger
from pipeline.samples.training_images import TrainImages, shift
from pipeline.storage.face_schema import to_row
from pipeline.storage.images import recompress_like
from pipeline.storage.picture_store import PictureStore
from tests.pipeline.hashed import hashed


def test_native_windows_move_by_an_eighth_at_most_and_keep_their_size():
    crop = Crop((40, 40, 120, 120), (0, 0, 200, 200), np.eye(2, 3))
    moves = set()
    for seed in range(60):
        x0, y0, x1, y1 = shift(crop, np.random.default_rng(seed), reach=0).native
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
    return TrainImages(
        files=[hashed(tmp_path / "a.png")] * 2,
        faces=np.stack([to_row(face)] * 2),
        spec=spec,
        options=params.Faces(),
        forgers={kind: Forger(kind, max_pixels=10**6) for kind in ("blend", "resynthesis")},
        drawn={},
        max_pixels=10**6,
        reach=0,
        degrade_prob=0.5,
    )


def test_the_same_pair_is_the_same_pictures(images):
    for kind in ("labelled", "blend", "resynthesis"):
        pair = TrainingPair(kind, 0, int(kind == "labelled"), 5)
        np.testing.assert_array_equal(images(pair), images(pair))
        assert [picture.shape for picture in images(pair)] == [(64, 64, 3)] * 2


def test_windows_of_a_larger_input_lie_anywhere_in_it():
    crop = Crop((40, 40, 120, 120), (0, 0, 200, 200), np.eye(2, 3))
    moves = [shift(crop, np.random.default_rng(seed), reach=50).native[0] - 40 for seed in range(200)]
    assert max(moves) > 50
    assert max(np.abs(moves)) <= 60


def test_reals_are_degraded_on_their_own(images):
    """As often as asked, by the pair alone; the pseudo-fakes stay as they are."""
    with_degraded_reals = replace(images, real_degrade_prob=0.5)
    changed = []
    for draw in range(40):
        pair = TrainingPair("blend", 0, 0, draw)
        (real, fake), (degraded, same) = images(pair), with_degraded_reals(pair)
        np.testing.assert_array_equal(fake, same)
        changed.append((degraded != real).any())
    assert 10 <= sum(changed) <= 30


def test_pictures_of_a_pair_share_their_augmentation(images):
    """Real and pseudo-fake lie on each other: nearer than two draws of the same real face."""
    other = images(TrainingPair("blend", 0, 0, 99))[0].ravel()
    for draw in range(8):
        real, fake = (picture.ravel() for picture in images(TrainingPair("blend", 0, 0, draw)))
        assert (real != fake).any()
        assert np.corrcoef(real, fake)[0, 1] > np.corrcoef(real, other)[0, 1]


def test_the_real_partner_of_a_blend_is_its_base(images):
    """In half of the blends it is changed: the picture as it was would give the surroundings away."""
    plain = replace(images, degrade_prob=0)
    kinds = {
        kind: [TrainingPair(kind, 0, 0, draw) for draw in range(20)] for kind in ("blend", "resynthesis")
    }
    base, same = ([plain(pair)[0] for pair in pairs] for pairs in kinds.values())
    changed = [(a != b).any() for a, b in zip(base, same, strict=True)]
    assert 4 <= sum(changed) <= 16


@pytest.mark.parametrize("kind", ["blend", "resynthesis"])
def test_both_pictures_are_compressed_as_their_original_was(images, tmp_path, kind):
    """Saved once more they hardly change: a lack of compression must not tell one from the other."""
    path = tmp_path / "a.jpg"
    cv2.imwrite(str(path), cv2.imread(images.files[0].path), [cv2.IMWRITE_JPEG_QUALITY, 25])
    whole = replace(images.spec, crop="native", size=96)  # the picture as it is, but for mirroring
    native = replace(images, files=[hashed(path)], spec=whole, degrade_prob=0)
    for draw in range(6):
        for made in native(TrainingPair(kind, 0, 0, draw)):
            again = recompress_like(made, path.read_bytes())
            assert np.abs(again.astype(float) - made).mean() < 0.5


def test_a_generators_pictures_are_those_of_its_store(images, tmp_path):
    store = PictureStore(tmp_path / "reconstruction", "v")
    white = np.full((96, 96, 3), 255, np.uint8)
    store.write([("k-reconstruction0", white)], name="a")
    drawn = replace(
        images,
        forgers={"reconstruction": Forger("reconstruction", max_pixels=10**6, pictures=store)},
        drawn={"reconstruction": [["k-reconstruction0"], []]},
        degrade_prob=0,
    )
    for draw in range(5):
        real, fake = drawn(TrainingPair("reconstruction", 0, 0, draw))
        assert fake.mean() > real.mean() + 10
