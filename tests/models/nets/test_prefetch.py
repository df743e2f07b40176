"""Pictures made ahead: in order, complete, whatever the number of threads; an error reaches the training."""

import time

import numpy as np
import pytest

from models.nets.prefetch import batches
from models.nets.sampler import TrainingSample

SAMPLES = [TrainingSample(row, "real", row) for row in range(23)]


def picture(sample):
    time.sleep(0.002 * (sample.row % 3))  # later samples may be ready first
    return np.full((4, 4, 3), sample.row, np.uint8)


@pytest.mark.parametrize("workers", [0, 1, 4])
@pytest.mark.parametrize("size", [1, 5, 23, 40])
def test_each_batch_holds_the_pictures_of_its_samples(workers, size):
    shown = []
    for samples, pixels in batches(picture, SAMPLES, size=size, workers=workers):
        assert len(samples) <= size
        assert pixels[:, 0, 0, 0].tolist() == [sample.row for sample in samples]
        shown += samples
    assert shown == SAMPLES


def test_no_samples_give_no_batches():
    assert list(batches(picture, [], size=4, workers=2)) == []


def test_an_error_of_a_picture_ends_the_training():
    def broken(sample):
        if sample.row == 7:
            raise OSError("cannot be read")
        return picture(sample)

    seen = []
    with pytest.raises(OSError, match="cannot be read"):
        seen.extend(samples for samples, _ in batches(broken, SAMPLES, size=3, workers=2))
    assert [sample.row for samples in seen for sample in samples] == list(range(6))
