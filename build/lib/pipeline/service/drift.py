"""How far what comes in has moved from what the model was trained on."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

BINS = 10  # of equal width, from 0 to 1
WINDOW = 1000  # latest images
ENOUGH = 100  # images, before which nothing is said


class Drift:
    """The latest values of a number in [0, 1] against its values in training.

    Parameters
    ----------
    training : sequence of float
        Quantiles of the training images' values at equal steps from 0 to 1, rising.
    """

    def __init__(self, training: Sequence[float]) -> None:
        self.expected = shares(training)
        self._latest: deque[float] = deque(maxlen=WINDOW)
        self._lock = threading.Lock()

    def add(self, value: float) -> None:
        """Note a value."""
        with self._lock:
            self._latest.append(value)

    def index(self) -> float:
        """Population stability index of the latest values; NaN of fewer than ENOUGH."""
        with self._lock:
            values = np.array(self._latest)
        return stability_index(_histogram(values), self.expected) if len(values) >= ENOUGH else float("nan")


def shares(quantiles: Sequence[float]) -> NDArray[np.float64]:
    """Share of the values in each of BINS bins of equal width, from their quantiles at equal steps, float64 (BINS,).

    The values between two neighbouring quantiles are taken as spread evenly; many equal ones stay in one bin.
    """
    steps = np.asarray(quantiles, dtype=np.float64)
    counts = np.zeros(BINS)
    edges = np.linspace(0, 1, BINS + 1)
    for low, high in zip(steps[:-1], steps[1:]):
        if high > low:
            inside = np.clip(np.minimum(high, edges[1:]) - np.maximum(low, edges[:-1]), 0, None)
            counts += inside / (high - low)
        else:
            counts[min(int(low * BINS), BINS - 1)] += 1
    return counts / counts.sum()


def stability_index(counts: NDArray[np.float64], expected: NDArray[np.float64]) -> float:
    """Population stability index [1]_: sum of (p - q) ln(p / q) over bins, 0 where the shares are the same.

    Parameters
    ----------
    counts : float64 array, shape (b,)
        How many of the latest values fell into each bin.
    expected : float64 array, shape (b,)
        Shares in training.

    Returns
    -------
    float
        An empty bin counts as half a value, of either side, so that it stays finite.

    References
    ----------
    .. [1] Siddiqi 2006, "Credit Risk Scorecards", ISBN 978-0-471-75451-0: below 0.1 no change, above 0.25 a large one
    """
    least = 0.5 / counts.sum()
    p, q = np.maximum(counts / counts.sum(), least), np.maximum(expected, least)
    return float(((p - q) * np.log(p / q)).sum())


def _histogram(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.histogram(values, bins=BINS, range=(0, 1))[0].astype(np.float64)
