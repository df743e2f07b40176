"""Batches of training pictures, made ahead of the optimiser by threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray

from models.nets.sampler import TrainingSample

BATCHES_AHEAD = 3

# A sample as uint8 (size, size, 3), RGB: decode, forge, crop and augment one training image.
MakePicture = Callable[[TrainingSample], NDArray[np.uint8]]


def batches(
    make_picture: MakePicture, samples: Sequence[TrainingSample], *, size: int, workers: int
) -> Iterator[tuple[Sequence[TrainingSample], torch.Tensor]]:
    """Make the pictures of samples, batch by batch and in order.

    Threads, not processes: decoding and warping release the interpreter, and nothing has to start.

    Parameters
    ----------
    make_picture : callable
        `TrainingSample` to uint8 array (S, S, 3), RGB.
    samples : sequence of TrainingSample
    size : int
        Samples of a batch; the last may have fewer.
    workers : int
        Threads; at least one is taken.

    Yields
    ------
    sequence of TrainingSample, uint8 tensor of shape (N, S, S, 3)
        A batch and its pictures.
    """
    chunks = [samples[i : i + size] for i in range(0, len(samples), size)]
    with ThreadPoolExecutor(max_workers=max(workers, 1)) as pool:
        ahead: deque[list[Future[NDArray[np.uint8]]]] = deque()
        for index in range(len(chunks) + BATCHES_AHEAD):
            if index < len(chunks):
                ahead.append([pool.submit(make_picture, sample) for sample in chunks[index]])
            done = index - BATCHES_AHEAD
            if 0 <= done < len(chunks):
                pictures = np.stack([future.result() for future in ahead.popleft()])
                yield chunks[done], torch.from_numpy(pictures)
