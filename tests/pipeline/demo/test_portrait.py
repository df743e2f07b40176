"""The demo portraits: known landmarks, natural spectra, faces that a detector finds."""

import itertools

import numpy as np
import pytest
from PIL import Image

from pipeline.demo.person import draw_person, draw_shot
from pipeline.demo.portrait import draw_portrait
from pipeline.demo.texture import backdrop, pink_noise, smoothstep


def draw(seed):
    rng = np.random.default_rng(seed)
    return draw_portrait(draw_person(rng), draw_shot(rng), rng)


@pytest.mark.parametrize("slope", [0.0, 1.0, 1.5])
def test_pink_noise_has_the_slope_asked_for(slope):
    field = pink_noise(np.random.default_rng(0), (256, 256), slope=slope)
    power = np.abs(np.fft.fft2(field)) ** 2
    radius = np.hypot(*np.meshgrid(np.fft.fftfreq(256), np.fft.fftfreq(256)))
    bands = np.geomspace(0.02, 0.45, 12)
    means = [power[(radius >= a) & (radius < b)].mean() for a, b in itertools.pairwise(bands)]
    centres = np.sqrt(bands[1:] * bands[:-1])
    fitted = np.polyfit(np.log(centres), np.log(means), 1)[0]
    assert fitted == pytest.approx(-2 * slope, abs=0.15)
    assert field.std() == pytest.approx(1, abs=1e-3)


def test_pink_noise_takes_odd_sizes():
    assert pink_noise(np.random.default_rng(0), (257, 311)).shape == (257, 311)


def test_smoothstep_ramps_both_ways():
    values = np.array([-1.0, 0.0, 0.5, 1.0, 2.0])
    assert smoothstep(0, 1, values).tolist() == [0, 0, 0.5, 1, 1]
    assert smoothstep(1, 0, values).tolist() == [1, 1, 0.5, 0, 0]


def test_backdrop_is_within_range():
    for seed in range(6):
        field = backdrop(np.random.default_rng(seed), (64, 80))
        assert field.shape == (64, 80, 3)
        assert field.min() >= 0.01
        assert field.max() <= 1


@pytest.mark.parametrize("seed", range(6))
def test_landmarks_lie_in_the_face_in_order(seed):
    portrait = draw(seed)
    height, width = portrait.image.shape[:2]
    assert 256 <= height <= 512
    assert 256 <= width <= 512
    assert portrait.landmarks.shape == (5, 2)
    eye_a, eye_b, nose, mouth_a, mouth_b = portrait.landmarks
    assert eye_a[0] < eye_b[0]
    assert mouth_a[0] < mouth_b[0]
    assert max(eye_a[1], eye_b[1]) < nose[1] < min(mouth_a[1], mouth_b[1])
    for points in (portrait.landmarks, portrait.hull):
        assert np.all(points >= 0)
        assert np.all(points < (width, height))


@pytest.mark.parametrize("seed", range(4))
def test_pupils_are_darker_than_the_cheeks(seed):
    """The landmark is where the eye was painted: its surroundings hold the darkest pixels."""
    portrait = draw(seed)
    grey = portrait.image.mean(2)
    left, right = portrait.landmarks[:2]
    reach = int(0.3 * np.linalg.norm(right - left))
    for x, y in np.round([left, right]).astype(int):
        eye = grey[y - reach // 2 : y + reach // 2, x - reach : x + reach]
        cheek = grey[y + 2 * reach : y + 3 * reach, x - reach // 2 : x + reach // 2]
        assert eye.min() < 0.6 * np.median(cheek)


def test_faces_are_found_by_the_detector_where_they_were_drawn():
    facenet = pytest.importorskip("facenet_pytorch")
    detector = facenet.MTCNN()
    found, distances = 0, []
    for seed in range(8):
        portrait = draw(100 + seed)
        _, scores, points = detector.detect(Image.fromarray(portrait.image), landmarks=True)
        if points is None:
            continue
        found += 1
        best = points[int(np.argmax(scores))]
        gap = np.linalg.norm(np.asarray(best, float) - portrait.landmarks, axis=1).max()
        distances.append(gap / np.linalg.norm(portrait.landmarks[1] - portrait.landmarks[0]))
    assert found == 8
    assert np.median(distances) < 0.3
