"""Arithmetic on boxes: squares, moved edges, windows and suppression, on cases worked out by hand."""

from __future__ import annotations

import pytest
import torch

from models.detection.boxes import (
    nms_smaller,
    nms_union,
    overlap_of_smaller,
    per_image,
    pixel_windows,
    shift_edges,
    square,
)

BOXES = torch.tensor([[0.0, 0, 9, 9], [1, 0, 10, 9], [30, 30, 39, 39], [2, 2, 5, 5]])
SCORES = torch.tensor([0.8, 0.9, 0.7, 0.6])
ONE = torch.zeros(4, dtype=torch.int64)


def test_union_suppression_keeps_the_best_of_each_cluster():
    # IoU of the first two is 72 / 90; the small one covers 9 / 81 of the second
    assert nms_union(BOXES, SCORES, ONE, threshold=0.5).tolist() == [1, 2, 3]
    assert nms_union(BOXES, SCORES, ONE, threshold=0.85).tolist() == [1, 0, 2, 3]


def test_smaller_suppression_drops_a_box_inside_another():
    assert nms_smaller(BOXES, SCORES, ONE, threshold=0.7).tolist() == [1, 2]


def test_smaller_suppression_is_greedy():
    # each covers the next by 0.8; a suppressed box no longer suppresses
    chain = torch.tensor([[0.0, 0, 9, 0], [2, 0, 11, 0], [4, 0, 13, 0], [6, 0, 15, 0]])
    falling = torch.tensor([0.9, 0.8, 0.7, 0.6])
    assert nms_smaller(chain, falling, ONE, threshold=0.7).tolist() == [0, 2]


@pytest.mark.parametrize("nms", [nms_union, nms_smaller])
def test_groups_never_suppress_each_other(nms):
    same = torch.tensor([[5.0, 5, 20, 20]]).repeat(4, 1)
    groups = torch.tensor([0, 0, 1, 2])
    kept = nms(same, SCORES, groups, threshold=0.5)
    assert sorted(groups[kept].tolist()) == [0, 1, 2]


def test_suppression_per_image_is_sorted_by_image():
    image = torch.tensor([0, 2, 2, 5])
    boxes = torch.tensor([[0.0, 0, 9, 9]]).repeat(4, 1)
    assert per_image(nms_union, boxes, SCORES, image, threshold=0.5).tolist() == [0, 1, 3]
    within = torch.tensor([0, 1, 0, 0])
    kept = per_image(nms_union, boxes, SCORES, image, within=within, threshold=0.5)
    assert kept.tolist() == [0, 1, 2, 3]
    nothing = torch.zeros(0, dtype=torch.int64)
    assert per_image(nms_union, boxes[:0], SCORES[:0], nothing, threshold=0.5).tolist() == []


def test_square_keeps_centre_and_longer_side():
    box = square(torch.tensor([[10.0, 20, 30, 60]]))
    assert box.tolist() == [[0, 20, 40, 60]]


def test_shift_edges_moves_by_shares_of_the_size():
    box, by = torch.tensor([[0.0, 0, 9, 19]]), torch.tensor([[0.1, 0.1, -0.1, 0.5]])
    torch.testing.assert_close(shift_edges(box, by), torch.tensor([[1.0, 2, 8, 29]]))
    moved = shift_edges(box, by, inclusive=False)
    torch.testing.assert_close(moved, torch.tensor([[0.9, 1.9, 8.1, 28.5]]))


def test_pixel_windows_are_clipped_and_may_be_empty():
    boxes = torch.tensor([[-3.5, 2.9, 8.2, 50.0], [25.0, 1, 30, 5], [-9.0, -9, -2, -2]])
    windows = pixel_windows(boxes, torch.tensor([10, 10, 10]), torch.tensor([20, 20, 20]))
    assert windows[0].tolist() == [0, 1, 8, 10]
    assert (windows[:, 2] > windows[:, 0]).tolist() == [True, False, False]


def test_overlap_is_the_share_of_the_smaller_box_that_is_covered():
    overlap = overlap_of_smaller(BOXES)
    torch.testing.assert_close(overlap.diagonal(), torch.ones(4))
    assert torch.equal(overlap, overlap.T)
    assert overlap[0, 1] == pytest.approx(0.9)  # 9 of 10 columns
    assert overlap[0, 3] == 1.0
    assert overlap[0, 2] == 0.0


def test_of_equal_scores_the_last_box_wins():
    same = torch.tensor([[0.0, 0, 9, 9]]).repeat(3, 1)
    assert nms_smaller(same, torch.ones(3), ONE[:3], threshold=0.7).tolist() == [2]
