"""Pictures made ahead: in order, complete, whatever the number of threads; an error reaches the training."""

import time

import numpy as np
import pytest

from models.nets.prefetch import batches
from models.nets.sampler import TrainingPair

PAIRS = [TrainingPair("blend", row, row, row) for row in range(23)]


def pictures(pair):
    time.sleep(0.002 * (pair.real % 3))  # later pairs may be ready first
    return np.full((4, 4, 3), pair.real, np.uint8), np.full((4, 4, 3), 100 + pair.fake, np.uint8)


@pytest.mark.parametrize("workers", [0, 1, 4])
@pytest.mark.parametrize("size", [1, 5, 23, 40])
def test_each_batch_holds_the_pictures_of_its_pairs(workers, size):
    shown = []
    for pairs, pixels in batches(pictures, PAIRS, size=size, workers=workers):
        assert len(pairs) <= size
        assert pixels[0::2, 0, 0, 0].tolist() == [pair.real for pair in pairs]
        assert pixels[1::2, 0, 0, 0].tolist() == [100 + pair.fake for pair in pairs]
        shown += pairs
    assert shown == PAIRS


def test_no_pairs_give_no_batches():
    assert list(batches(pictures, [], size=4, workers=2)) == []


def test_an_error_of_a_picture_ends_the_training():
    def broken(pair):
        if pair.real == 7:
            raise OSError("cannot be read")
        return pictures(pair)

    seen = []
    with pytest.raises(OSError, match="cannot be read"):
        seen.extend(pairs for pairs, _ in batches(broken, PAIRS, size=3, workers=2))
    assert [pair.real for pairs in seen for pair in pairs] == list(range(6))
