"""Arithmetic on boxes: squares, moved edges, windows and suppression, on cases worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torchvision.ops import nms as torchvision_nms

from models.detection.boxes import (
    nms_smaller,
    nms_union,
    overlap_of_smaller,
    overlap_of_union,
    per_image,
    pixel_windows,
    shift_edges,
    square,
)

BOXES = np.array([[0, 0, 9, 9], [1, 0, 10, 9], [30, 30, 39, 39], [2, 2, 5, 5]], np.float32)
SCORES = np.array([0.8, 0.9, 0.7, 0.6], np.float32)
ONE = np.zeros(4, np.int64)


def test_union_suppression_keeps_the_best_of_each_cluster():
    # IoU of the first two is 72 / 90; the small one covers 9 / 81 of the second
    assert nms_union(BOXES, SCORES, ONE, threshold=0.5).tolist() == [1, 2, 3]
    assert nms_union(BOXES, SCORES, ONE, threshold=0.85).tolist() == [1, 0, 2, 3]


def test_smaller_suppression_drops_a_box_inside_another():
    assert nms_smaller(BOXES, SCORES, ONE, threshold=0.7).tolist() == [1, 2]


def test_smaller_suppression_is_greedy():
    # each covers the next by 0.8; a suppressed box no longer suppresses
    chain = np.array([[0, 0, 9, 0], [2, 0, 11, 0], [4, 0, 13, 0], [6, 0, 15, 0]], np.float32)
    falling = np.array([0.9, 0.8, 0.7, 0.6], np.float32)
    assert nms_smaller(chain, falling, ONE, threshold=0.7).tolist() == [0, 2]


@pytest.mark.parametrize("nms", [nms_union, nms_smaller])
def test_groups_never_suppress_each_other(nms):
    same = np.tile(np.array([[5, 5, 20, 20]], np.float32), (4, 1))
    groups = np.array([0, 0, 1, 2])
    kept = nms(same, SCORES, groups, threshold=0.5)
    assert sorted(groups[kept].tolist()) == [0, 1, 2]


def test_suppression_per_image_is_sorted_by_image():
    image = np.array([0, 2, 2, 5])
    boxes = np.tile(np.array([[0, 0, 9, 9]], np.float32), (4, 1))
    assert per_image(nms_union, boxes, SCORES, image, threshold=0.5).tolist() == [0, 1, 3]
    within = np.array([0, 1, 0, 0])
    kept = per_image(nms_union, boxes, SCORES, image, within=within, threshold=0.5)
    assert kept.tolist() == [0, 1, 2, 3]
    nothing = np.zeros(0, np.int64)
    assert per_image(nms_union, boxes[:0], SCORES[:0], nothing, threshold=0.5).tolist() == []


def test_square_keeps_centre_and_longer_side():
    box = square(np.array([[10, 20, 30, 60]], np.float32))
    assert box.tolist() == [[0, 20, 40, 60]]


def test_shift_edges_moves_by_shares_of_the_size():
    box, by = np.array([[0, 0, 9, 19]], np.float32), np.array([[0.1, 0.1, -0.1, 0.5]], np.float32)
    np.testing.assert_allclose(shift_edges(box, by), [[1, 2, 8, 29]], rtol=1e-6)
    moved = shift_edges(box, by, inclusive=False)
    np.testing.assert_allclose(moved, [[0.9, 1.9, 8.1, 28.5]], rtol=1e-6)


def test_pixel_windows_are_clipped_and_may_be_empty():
    boxes = np.array([[-3.5, 2.9, 8.2, 50], [25, 1, 30, 5], [-9, -9, -2, -2]], np.float32)
    windows = pixel_windows(boxes, np.array([10, 10, 10]), np.array([20, 20, 20]))
    assert windows[0].tolist() == [0, 1, 8, 10]
    assert (windows[:, 2] > windows[:, 0]).tolist() == [True, False, False]


def test_overlap_is_the_share_of_the_smaller_box_that_is_covered():
    overlap = overlap_of_smaller(BOXES, BOXES)
    np.testing.assert_allclose(overlap.diagonal(), 1)
    np.testing.assert_array_equal(overlap, overlap.T)
    assert overlap[0, 1] == pytest.approx(0.9)  # 9 of 10 columns
    assert overlap[0, 3] == 1.0
    assert overlap[0, 2] == 0.0


def test_of_equal_scores_the_last_box_wins():
    same = np.tile(np.array([[0, 0, 9, 9]], np.float32), (3, 1))
    equal = np.ones(3, np.float32)
    assert nms_smaller(same, equal, ONE[:3], threshold=0.7).tolist() == [2]
    assert nms_union(same, equal, ONE[:3], threshold=0.7).tolist() == [0]


@pytest.mark.parametrize("count", [0, 1, 40, 255, 256, 257, 900])
def test_suppression_by_union_is_torchvisions(count):
    """More boxes than meet at a time included, and many of equal score and place."""
    rng = np.random.default_rng(count)
    corner = rng.integers(0, 60, (count, 2))
    boxes = np.concatenate([corner, corner + rng.integers(1, 30, (count, 2))], axis=1).astype(np.float32)
    scores = rng.integers(0, 50, count).astype(np.float32) / 50
    kept = nms_union(boxes, scores, np.zeros(count, np.int64), threshold=0.5)
    expected = torchvision_nms(torch.from_numpy(boxes).double(), torch.from_numpy(scores).double(), 0.5)
    np.testing.assert_array_equal(kept, expected)


def test_boxes_without_area_do_not_meet():
    point = np.array([[3, 3, 3, 3]], np.float32)
    assert overlap_of_union(point, point).tolist() == [[0.0]]
