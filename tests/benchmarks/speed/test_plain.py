"""The fast blocks against the same formulas written plainly, in float64, image by image."""

import cv2
import numpy as np
import pytest

from benchmarks.speed.plain import PLAIN
from features.signals import Signals
from features.spectral import blocks, get
from features.views import Face, cut_views, plan_crop


def views(height, width, *, seed, found=True):
    """A picture with structure at every scale, JPEG-compressed, and a face in it."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((height, width, 3))
    for scale in (1, 2, 4, 8, 16, 32):
        noise = rng.normal(0, 3 * scale**0.8, (height // scale + 2, width // scale + 2, 3))
        picture += cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    picture = np.clip(picture + 128, 0, 255).astype(np.uint8)
    picture = cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 92])[1], cv2.IMREAD_COLOR)
    side = 0.5 * min(height, width)
    x, y = width * 0.47, height * 0.52
    points = [[-0.2, -0.15], [0.2, -0.14], [0.01, 0.05], [-0.15, 0.25], [0.16, 0.24]]
    face = Face(
        found=found,
        n_faces=int(found),
        prob=0.99,
        box=np.array([x - side / 2, y - side / 2, x + side / 2, y + side / 2], np.float32),
        landmarks=np.array([[x, y]], np.float32) + side * np.array(points, np.float32),
    )
    crop = plan_crop(face, height=height, width=width, native=1.2, context=2.0, aligned=1.6)
    return cut_views(picture, face, crop)


def test_plain_versions_are_of_registered_blocks():
    unknown = set(PLAIN) - set(blocks())
    assert not unknown, (
        f"PLAIN of benchmarks/speed/plain.py names no block with {unknown}: rename or remove it"
    )


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize(("height", "width"), [(224, 224), (301, 260), (640, 600)])
def test_fast_and_plain_agree(name, height, width):
    view = views(height, width, seed=height)
    fast, plain = get(name).compute(Signals(view)), PLAIN[name](view)
    np.testing.assert_array_equal(np.isnan(fast), np.isnan(plain))
    np.testing.assert_allclose(fast, plain, rtol=2e-3, atol=2e-3, err_msg=str(get(name).columns))


@pytest.mark.parametrize("name", PLAIN)
def test_they_agree_without_a_face(name):
    view = views(200, 240, seed=5, found=False)
    fast, plain = get(name).compute(Signals(view)), PLAIN[name](view)
    np.testing.assert_allclose(fast, plain, rtol=2e-3, atol=2e-3)
