"""Batches are bounded by the bytes of their pictures, and nothing is held beyond them."""

import weakref

import numpy as np
import pytest

from pipeline.runtime.in_flight import batches


def pictures(sizes):
    for number, size in enumerate(sizes):
        yield number, np.zeros(size, np.uint8)


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([1] * 7, [3, 3, 1]),
        ([10, 10, 10], [1, 1, 1]),
        ([4, 4, 4, 20, 1, 1], [3, 1, 2]),
        ([4, 20, 4], [2, 1]),
        ([], []),
    ],
)
def test_a_batch_is_full_by_number_or_by_bytes(sizes, expected):
    made = list(batches(pictures(sizes), images=3, limit=10))
    assert [len(batch) for batch in made] == expected
    assert [key for batch in made for key, _ in batch] == list(range(len(sizes)))
    assert all(sum(picture.nbytes for _, picture in batch[:-1]) < 10 for batch in made)


def test_what_is_no_array_is_bounded_by_number():
    assert [len(batch) for batch in batches(enumerate("abcde"), images=2)] == [2, 2, 1]


def test_no_picture_outlives_its_batch():
    """At any time: those of the batch at hand and the one that is being made."""
    alive = most = 0

    def gone():
        nonlocal alive
        alive -= 1

    def made():
        nonlocal alive, most
        for number in range(12):
            picture = np.zeros(5, np.uint8)
            weakref.finalize(picture, gone)
            alive += 1
            most = max(most, alive)
            yield number, picture
            del picture

    for batch in batches(made(), images=3, limit=10**6):
        assert len(batch) == 3
        del batch
    assert most == 3
