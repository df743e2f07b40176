"""Contrast between a face and its surroundings of pictures whose numbers are known beforehand."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from features.blocks.contrast import regions
from features.signals import Signals
from tests.features.pictures import as_views, gaussian, grey, noise


def _face_changed(change):
    picture = gaussian(160, 160, deviation=15)
    face = np.zeros((160, 160), np.uint8)
    cv2.ellipse(face, (80, 86), (38, 52), 0, 0, 360, 1, -1)
    return grey(np.where(face == 1, change(picture), picture))


def test_the_same_noise_everywhere_has_no_contrast(measure):
    values = measure("contrast", _face_changed(lambda p: p), margin=32)
    assert max(abs(v) for k, v in values.items() if not k.endswith(("luma", "cr", "cb"))) < 0.15


def test_a_blurred_face_is_quieter_than_its_surroundings(measure):
    values = measure("contrast", _face_changed(lambda p: cv2.GaussianBlur(p, (0, 0), 1.5)), margin=32)
    for measure_name in ("residual", "fine", "noise"):
        assert values[f"inner_around_{measure_name}"] < -0.5
    assert values["inner_around_fine_middle"] < -0.3


def test_a_noisier_face_is_louder(measure):
    values = measure("contrast", _face_changed(lambda p: 2 * p - 128), margin=32)
    assert values["inner_around_noise"] == pytest.approx(np.log(2), abs=0.1)
    assert values["inner_ring_noise"] > 0.3 and values["border_inner_noise"] < 0


def test_a_brighter_face_has_a_luma_contrast(measure):
    values = measure("contrast", _face_changed(lambda p: p + 40), margin=32)
    assert values["inner_around_luma"] == pytest.approx(40, abs=2)
    assert abs(values["inner_around_cr"]) < 0.5


def test_without_surroundings_they_are_not_measured(measure):
    values = measure("contrast", grey(gaussian(96, 96)))
    assert np.isnan(values["inner_around_noise"]) and np.isfinite(values["inner_ring_noise"])


def test_regions_follow_the_landmarks():
    labels = regions(Signals(as_views(noise(120, 120), margin=20)))
    assert set(np.unique(labels)) == {0, 1, 2, 3}
    assert labels[60, 60] == 0 and labels[22, 22] == 2 and labels[5, 60] == 3
    assert (labels == 3).sum() <= 120 * 120 - 80 * 80


def test_regions_without_landmarks_are_centred():
    labels = regions(Signals(as_views(noise(121, 121), margin=20, found=False)))
    inner = np.argwhere(labels == 0)
    np.testing.assert_allclose(inner.mean(0), 60.5, atol=1)
