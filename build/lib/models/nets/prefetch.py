"""Batches of training pictures, made ahead of the optimiser by threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray

from models.nets.sampler import TrainingPair

BATCHES_AHEAD = 3

Pixels = NDArray[np.uint8]

# The two pictures of a pair, each uint8 (size, size, 3), RGB: decode, forge, crop and augment.
MakePair = Callable[[TrainingPair], tuple[Pixels, Pixels]]


def batches(
    make_pair: MakePair, pairs: Sequence[TrainingPair], *, size: int, workers: int
) -> Iterator[tuple[Sequence[TrainingPair], torch.Tensor]]:
    """Make the pictures of pairs, batch by batch and in order.

    Threads, not processes: decoding and warping release the interpreter, and nothing has to start.

    Parameters
    ----------
    make_pair : callable
        `TrainingPair` to its real face and its fake, uint8 arrays (S, S, 3), RGB.
    pairs : sequence of TrainingPair
    size : int
        Pairs of a batch; the last may have fewer.
    workers : int
        Threads; at least one is taken.

    Yields
    ------
    sequence of TrainingPair, uint8 tensor of shape (2N, S, S, 3)
        A batch and its pictures: real and fake in turn.
    """
    chunks = [pairs[i : i + size] for i in range(0, len(pairs), size)]
    with ThreadPoolExecutor(max_workers=max(workers, 1)) as pool:
        ahead: deque[list[Future[tuple[Pixels, Pixels]]]] = deque()
        for index in range(len(chunks) + BATCHES_AHEAD):
            if index < len(chunks):
                ahead.append([pool.submit(make_pair, pair) for pair in chunks[index]])
            done = index - BATCHES_AHEAD
            if 0 <= done < len(chunks):
                pictures = np.stack([picture for future in ahead.popleft() for picture in future.result()])
                yield chunks[done], torch.from_numpy(pictures)
