"""Every part makes a table; boxes overlap as they should."""

import cv2
import numpy as np
import pytest

from benchmarks.speed.parts import IMAGES_PER_BATCH, Comparison, batches, decode, iou
from pipeline.runtime import params


def test_batches_are_consecutive_and_hold_every_picture():
    pictures = [np.full((2, 2, 3), n % 256, np.uint8) for n in range(2 * IMAGES_PER_BATCH + 1)]
    sizes = [len(batch) for batch in batches(pictures)]
    assert sizes == [IMAGES_PER_BATCH, IMAGES_PER_BATCH, 1]
    assert [p[0, 0, 0] for batch in batches(pictures) for p in batch] == [p[0, 0, 0] for p in pictures]


def test_overlap_of_boxes():
    box = np.array([0.0, 0.0, 2.0, 2.0])
    assert iou(box, box) == 1
    assert iou(box, box + 2) == 0
    assert iou(box, box + np.array([1, 0, 1, 0])) == pytest.approx(1 / 3)


def test_a_comparison_reads_its_files_and_makes_a_table(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    comparison = Comparison([tmp_path / "a.png"], 1, params.Faces())
    np.testing.assert_array_equal(comparison.pixels()[0], picture[..., ::-1])
    text = decode(comparison)
    assert text.startswith("### Decoding, one thread")
    assert len(text.splitlines()) == 5
