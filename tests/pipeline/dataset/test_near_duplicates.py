"""Hashes that survive re-encoding and tell pictures apart; clusters equal to those of a plain search."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components

from pipeline.dataset import near_duplicates
from pipeline.dataset.near_duplicates import cluster, join, perceptual_hash
from tests.pipeline.dataset.pictures import scene


def distance(a: bytes, b: bytes) -> int:
    return bin(int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).count("1")


CHANGES = {
    "jpeg 50": lambda x: cv2.imdecode(cv2.imencode(".jpg", x, [1, 50])[1], 0),
    "half": lambda x: cv2.resize(x, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    "double": lambda x: cv2.resize(x, None, fx=2, fy=2),
    "brighter": lambda x: cv2.convertScaleAbs(x, alpha=1.05, beta=8),
    "blur": lambda x: cv2.GaussianBlur(x, (0, 0), 1.5),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_copy_stays_near_and_another_picture_is_far(change: str) -> None:
    for seed in range(5):
        original = perceptual_hash(scene(seed))
        assert distance(original, perceptual_hash(CHANGES[change](scene(seed)))) <= 16
        assert distance(original, perceptual_hash(scene(seed + 100))) > 60


def test_flat_pictures_have_no_hash_and_tie_nothing() -> None:
    black, white = np.zeros((50, 50), np.uint8), np.full((50, 50), 255, np.uint8)
    assert perceptual_hash(black) == perceptual_hash(white) == b""
    assert perceptual_hash(np.array([[7]], np.uint8)) == b""
    assert cluster([b"", b""], ["a", "b"], bits=16).tolist() == [0, 1]


def plain(hashes: list[bytes], contents: list[str], bits: int) -> np.ndarray:
    """Connected components of all pairs."""
    size = len(hashes)
    ties = np.zeros((size, size))
    for i in range(size):
        for j in range(i):
            same = bool(contents[i]) and contents[i] == contents[j]
            near = bool(hashes[i] and hashes[j]) and distance(hashes[i], hashes[j]) <= bits
            ties[i, j] = same or near
    return connected_components(ties, directed=False)[1]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), bits=st.integers(0, 24))
def test_clusters_equal_those_of_a_plain_search(seed: int, bits: int) -> None:
    rng = np.random.default_rng(seed)
    base = rng.integers(0, 2, (4, 256), dtype=np.uint8)
    base[:, 0] = 0  # the mean has no bit
    codes = base[rng.integers(0, 4, 40)]
    flips = rng.random((40, 256)) < rng.choice([0.0, 0.02, 0.05], (40, 1))
    flips[:, 0] = False
    hashes = [np.packbits(row).tobytes() for row in codes ^ flips]
    hashes = [b"" if rng.random() < 0.1 else value for value in hashes]
    contents = [str(rng.integers(0, 60)) if rng.random() < 0.7 else "" for _ in hashes]
    found, expected = cluster(hashes, contents, bits=bits), plain(hashes, contents, bits)
    assert len(set(zip(found, expected, strict=True))) == len(set(found)) == len(set(expected))


def test_merging_early_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    bits = np.repeat(rng.integers(0, 2, (5, 256), dtype=np.uint8), 30, axis=0)
    bits ^= (rng.random(bits.shape) < 0.02).astype(np.uint8)
    bits[:, 0] = 0
    hashes, contents = [np.packbits(row).tobytes() for row in bits], [""] * len(bits)
    expected = cluster(hashes, contents, bits=16)
    monkeypatch.setattr(near_duplicates, "_FLUSH", 3)
    assert np.array_equal(cluster(hashes, contents, bits=16), expected)
    assert expected.max() == 4


def test_numbers_follow_the_first_appearance() -> None:
    assert cluster([b""] * 4, ["b", "a", "b", ""], bits=4).tolist() == [0, 1, 0, 2]


def test_join_ties_across_labellings_and_empty_labels_tie_nothing() -> None:
    assert join(["a", "b", "", "", "c"], [1, 2, 2, 3, 3]).tolist() == [0, 1, 1, 2, 2]
