"""Phase coupling and local sharpness of pictures whose numbers are known beforehand."""

from __future__ import annotations

import cv2
import numpy as np

from features.blocks.phase import bicoherence
from features.signals import Signals
from features.spectral import get
from tests.features.pictures import as_views, gaussian, grey


def test_coupled_harmonics_are_coherent():
    rng = np.random.default_rng(0)
    start = rng.uniform(0, 2 * np.pi, (300, 1))
    angle = 2 * np.pi * 8 / 64 * np.arange(64) + start
    free = 2 * np.pi * 16 / 64 * np.arange(64) + rng.uniform(0, 2 * np.pi, (300, 1))
    noise = rng.standard_normal((300, 64))
    coupled = 50 * np.cos(angle) + 50 * np.cos(2 * angle) + noise
    uncoupled = 50 * np.cos(angle) + 50 * np.cos(free) + noise
    assert bicoherence(coupled.astype(np.float32))[1] > 0.45
    assert bicoherence(uncoupled.astype(np.float32))[1] < 0.25
    assert (bicoherence(coupled.astype(np.float32)) <= 1).all()


def test_even_noise_has_an_even_map(measure):
    even = measure("phase", grey(gaussian(128, 128)))
    assert even["map_fine_std"] < 0.06
    mixed = gaussian(128, 128)
    mixed[:, 64:] = cv2.GaussianBlur(mixed[:, 64:], (0, 0), 2)
    uneven = measure("phase", grey(mixed))
    assert uneven["map_fine_asymmetry"] > 0.8 and uneven["map_fine_middle_range"] > 0.3


def test_blurred_eyes_are_duller_than_cheeks(measure):
    picture = gaussian(160, 160)
    picture[50:90] = cv2.GaussianBlur(picture, (0, 0), 2)[50:90]
    values = measure("phase", grey(picture))
    assert values["landmark_eyes_cheeks_fine"] < -0.5
    assert abs(values["landmark_mouth_cheeks_fine"]) < 0.2 and values["landmark_eyes_differ_fine"] < 0.2


def test_ratios_to_the_cheeks_need_landmarks():
    block = get("phase")
    values = block.compute(Signals(as_views(grey(gaussian(96, 96)), found=False)))
    missing = {c for c, v in zip(block.columns, values, strict=True) if np.isnan(v)}
    assert missing == {c for c in block.columns if "landmark_" in c}
