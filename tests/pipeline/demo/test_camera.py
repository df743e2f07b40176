"""The demo camera: what it keeps, what it adds, what its files show."""

import cv2
import numpy as np
import pytest

from pipeline.demo.camera import CAMERAS, add_noise, capture, demosaic, develop, encode, mosaic

PATTERNS = ("RGGB", "GRBG", "BGGR")


def colour_noise(seed=0, shape=(32, 46, 3)):
    return np.random.default_rng(seed).integers(0, 65536, shape).astype(np.uint16)


def test_mosaic_keeps_the_colour_of_each_site():
    image = np.empty((4, 4, 3), np.uint8)
    image[:] = (10, 20, 30)
    assert mosaic(image, "RGGB").tolist() == [[10, 20] * 2, [20, 30] * 2] * 2
    assert mosaic(image, "GRBG").tolist() == [[20, 10] * 2, [30, 20] * 2] * 2


@pytest.mark.parametrize("pattern", PATTERNS)
def test_mosaic_of_bilinear_demosaic_is_the_raw_picture(pattern):
    raw = mosaic(colour_noise(), pattern)
    again = mosaic(demosaic(raw, pattern=pattern, edge_aware=False), pattern)
    assert np.array_equal(again, raw)


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("edge_aware", [False, True])
def test_demosaic_returns_a_constant_colour_up_to_the_border(pattern, edge_aware):
    image = np.empty((20, 22, 3), np.uint16)
    image[:] = (60000, 30000, 5000)
    full = demosaic(mosaic(image, pattern), pattern=pattern, edge_aware=edge_aware)
    assert np.array_equal(full, image)


def test_noise_variance_follows_the_photon_law():
    for value in (0.0, 0.1, 0.8):
        raw = np.full((400, 400), value, np.float32)
        noisy = add_noise(raw, electrons=1000, read_noise=4.0, rng=np.random.default_rng(1))
        expected = value / 1000 + 0.004**2
        assert noisy.mean() == pytest.approx(value, abs=4 * np.sqrt(expected) / 400)
        assert noisy.var() == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("name", sorted(CAMERAS))
def test_constant_picture_stays_constant_up_to_noise(name):
    grey = np.full((128, 96, 3), 128, np.uint8)
    shown = develop(grey, camera=CAMERAS[name], rng=np.random.default_rng(3)).astype(float)
    assert shown.shape == grey.shape
    assert np.all(shown.std((0, 1)) < 8)
    assert np.all(shown.std((0, 1)) > 0.3)
    quarters = [shown[:64], shown[64:], shown[:, :48], shown[:, 48:]]
    assert all(np.allclose(q.mean((0, 1)), shown.mean((0, 1)), atol=0.8) for q in quarters)
    assert np.all(np.abs(shown.mean((0, 1)) - 128) < 16)  # white balance undoes the filters


def test_mosaic_leaves_its_period_in_the_noise():
    """Interpolated sites average their neighbours, so their noise is weaker."""
    grey = np.full((256, 256, 3), 128, np.uint8)
    camera = CAMERAS["cam_a"]
    shown = develop(grey, camera=camera, rng=np.random.default_rng(5)).astype(float)[..., 1]
    sampled = np.concatenate([shown[0::2, 1::2].ravel(), shown[1::2, 0::2].ravel()]).std()
    guessed = np.concatenate([shown[0::2, 0::2].ravel(), shown[1::2, 1::2].ravel()]).std()
    assert sampled > 1.2 * guessed


@pytest.mark.parametrize("name", sorted(CAMERAS))
def test_file_facts_do_not_depend_on_the_picture(name):
    """Same stream, other content: same size in pixels and same quantisation tables."""
    first = np.full((64, 80, 3), 200, np.uint8)
    second = np.random.default_rng(0).integers(0, 256, first.shape).astype(np.uint8)
    files = [capture(image, camera=CAMERAS[name], rng=np.random.default_rng(11)) for image in (first, second)]
    headers = [data[: data.index(b"\xff\xda")] for data in files]
    assert headers[0] == headers[1]
    decoded = cv2.imdecode(np.frombuffer(files[0], np.uint8), cv2.IMREAD_COLOR)
    assert decoded.shape == first.shape


def test_same_stream_same_file_other_stream_other_file():
    image = np.random.default_rng(0).integers(0, 256, (48, 48, 3)).astype(np.uint8)
    first, again, other = (
        capture(image, camera=CAMERAS["cam_b"], rng=np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_encode_keeps_the_order_of_colours():
    red = np.zeros((32, 32, 3), np.uint8)
    red[..., 0] = 250
    data = encode(red, quality=95, subsampling="4:4:4")
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    assert decoded[16, 16, 0] > 240
    assert decoded[16, 16, 1:].max() < 10
