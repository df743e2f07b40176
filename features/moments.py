"""Numbers that describe a sample of values; what cannot be measured is NaN, never infinite."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

LOG_FLOOR = 1e-2  # grey levels: added to mean magnitudes before a log
MIN_VARIANCE = 1e-5  # grey levels squared: below it a variance is rounding, not signal


def log_level(magnitudes: NDArray[np.floating] | float) -> F64:
    """log(m + LOG_FLOOR) of mean magnitudes in grey levels, any shape."""
    return np.asarray(np.log(np.asarray(magnitudes, dtype=np.float64) + LOG_FLOOR))


def mean_abs(rows: F32) -> F64:
    """Mean magnitude along the last axis."""
    return np.abs(rows).mean(axis=-1).astype(np.float64)


def shapes(rows: F32) -> tuple[F64, F64, F64]:
    """Log mean magnitude, generalised-Gaussian ratio and log kurtosis along the last axis.

    The ratio E|x|^2 / E x^2 rises with the shape parameter of a generalised Gaussian (Mallat 1989,
    doi:10.1109/34.192463): 1/2 for Laplace, 2/pi for Gauss. Kurtosis is E x^4 / (E x^2)^2, 3 for
    Gauss. Moments are about zero: the samples are residuals. NaN below MIN_VARIANCE.
    """
    squares = np.square(rows)
    absolute = mean_abs(rows)
    second = squares.mean(axis=-1).astype(np.float64)
    fourth = np.square(squares).mean(axis=-1).astype(np.float64)
    second = np.where(second > MIN_VARIANCE, second, np.nan)
    return log_level(absolute), absolute**2 / second, np.log(fourth / second**2)


def correlations(rows: F32) -> F64:
    """Pearson correlation of the rows, float64 (n, n); NaN where a row's variance is negligible."""
    centred = rows - rows.mean(axis=1, keepdims=True)
    gram = (centred @ centred.T).astype(np.float64) / rows.shape[1]
    variance = np.diag(gram)
    scale = np.sqrt(np.where(variance > MIN_VARIANCE, variance, np.nan))
    return np.asarray(gram / np.outer(scale, scale))


def upper(matrix: F64) -> F64:
    """Entries above the diagonal, row by row."""
    return np.asarray(matrix[_above(len(matrix))])


@lru_cache(maxsize=8)
def _above(n: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    return np.triu_indices(n, 1)


def absent(n: int) -> F32:
    """`n` values that could not be measured."""
    return np.full(n, np.nan, dtype=np.float32)
