"""Candidates of a batch: sorted, and passed on by each stage as its threshold says."""

from __future__ import annotations

import numpy as np
import pytest

from models.detection import weights
from models.detection.cascade import load_cascade
from models.detection.pyramid import search_steps
from models.detection.stages import Candidates, Search
from tests.models.detection.drawn_faces import draw_face, noise, summed


@pytest.fixture(scope="module")
def batch():
    images = [draw_face(160, seed=1), noise(70, 90), draw_face(120, seed=2, share=0.8)]
    sums = summed(images)
    scales = [
        sum(search_steps(*side, min_face=20, factor=0.709, coarse_face=0.15), ()) for side in sums.sides
    ]
    return sums, dict(enumerate(scales))


def search(batch, thresholds):
    sums, scales = batch
    stages = Search(load_cascade(weights.arrays(weights.packaged())), thresholds)
    candidates = stages.propose(sums, scales)
    return candidates, stages.refine(sums, candidates)


def test_joined_candidates_are_sorted_by_image_then_from_fine_to_coarse():
    def table(image, level):
        n = len(image)
        boxes = np.arange(4 * n, dtype=np.float32).reshape(n, 4)
        return Candidates(np.array(image), np.array(level), np.ones(n, np.float32), boxes, boxes + 0.5)

    joined = Candidates.join([table([1, 0], [9, 5]), table([0, 1], [3, 2])])
    assert joined.image.tolist() == [0, 0, 1, 1]
    assert joined.level.tolist() == [3, 5, 2, 9]
    assert np.array_equal(joined.moved, joined.boxes + 0.5)


def test_faces_pass_all_stages(batch):
    candidates, (image, boxes, score, points) = search(batch, (0.6, 0.7, 0.7))
    assert np.all(np.diff(candidates.image) >= 0)
    assert sorted(set(image.tolist())) == [0, 2]
    assert np.all(score > 0.7)
    assert boxes.shape == (len(image), 4)
    assert points.shape == (len(image), 5, 2)
    for box, landmarks in zip(boxes, points, strict=True):
        assert np.all((landmarks > box[:2]) & (landmarks < box[2:]))


@pytest.mark.parametrize("thresholds", [(0.9, 0.7, 0.7), (0.6, 1.0, 0.7), (0.6, 0.7, 1.0)])
def test_a_higher_threshold_lets_fewer_pass(batch, thresholds):
    base, (image, *_) = search(batch, (0.6, 0.7, 0.7))
    fewer, (rest, *_) = search(batch, thresholds)
    if thresholds[0] > 0.6:
        assert len(fewer.image) < len(base.image)
        assert np.all(fewer.score > 0.9)
    else:
        assert len(rest) == 0 < len(image)
