"""Numbers that describe a sample of values; what cannot be measured is NaN, never infinite."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

LOG_FLOOR = 1e-2  # grey levels: added to mean magnitudes before a log
MIN_VARIANCE = 1e-5  # grey levels squared: below it a variance is rounding, not signal


def log_level(magnitudes: ArrayLike) -> F64:
    """Log of mean magnitudes, log(m + LOG_FLOOR).

    Parameters
    ----------
    magnitudes : array_like of float, any shape
        Mean magnitudes, grey levels.

    Returns
    -------
    float64 array, same shape
        Finite for any magnitude of at least 0.
    """
    return np.asarray(np.log(np.asarray(magnitudes, dtype=np.float64) + LOG_FLOOR))


def mean_abs(rows: F32) -> F64:
    """Mean magnitude along the last axis.

    Parameters
    ----------
    rows : float32 array, shape (..., n)
        Samples, grey levels.

    Returns
    -------
    float64 array, shape (...)
        Grey levels.
    """
    return _mean(np.abs(rows)).astype(np.float64)


def mean_square(rows: F32) -> F64:
    """Mean square along the last axis.

    Parameters
    ----------
    rows : float32 array, shape (..., n)
        Samples, grey levels.

    Returns
    -------
    float64 array, shape (...)
        Grey levels squared.
    """
    return np.vecdot(rows, rows).astype(np.float64) / rows.shape[-1]


def shapes(rows: F32) -> tuple[F64, F64, F64]:
    """Log mean magnitude, generalised-Gaussian ratio and log kurtosis along the last axis.

    ratio = (E|x|)^2 / E x^2 rises with the shape parameter of a generalised Gaussian: 1/2 for Laplace, 2/pi for
    Gauss. kurtosis = E x^4 / (E x^2)^2, 3 for Gauss. Moments are about zero: the samples are residuals.

    Parameters
    ----------
    rows : float32 array, shape (..., n)
        Samples, grey levels.

    Returns
    -------
    tuple of three float64 arrays, shape (...)
        Log mean magnitude, ratio, log kurtosis; the last two NaN where E x^2 is at most MIN_VARIANCE.

    References
    ----------
    Mallat 1989, doi:10.1109/34.192463.
    """
    squares = np.square(rows)
    absolute = mean_abs(rows)
    second, fourth = mean_square(rows), mean_square(squares)
    second = np.where(second > MIN_VARIANCE, second, np.nan)
    return log_level(absolute), absolute**2 / second, np.log(fourth / second**2)


def standardised(rows: F32) -> F32:
    """Rows about their mean, scaled to length 1, so that their inner product is Pearson's correlation.

    Parameters
    ----------
    rows : float32 array, shape (..., n)
        Samples, grey levels.

    Returns
    -------
    float32 array, same shape
        NaN where the variance of a row is at most MIN_VARIANCE.
    """
    n = rows.shape[-1]
    centred = rows - _mean(rows)[..., None]
    energy = np.vecdot(centred, centred)
    lengths = np.sqrt(np.where(energy > MIN_VARIANCE * n, energy, np.float32(np.nan)))
    centred *= 1 / lengths[..., None]
    return np.asarray(centred)


def correlations(rows: F32) -> F64:
    """Pearson correlation of the rows.

    Parameters
    ----------
    rows : float32 array, shape (..., k, n)
        Samples of k variables.

    Returns
    -------
    float64 array, shape (..., k, k)
        NaN where the variance of a row is at most MIN_VARIANCE.
    """
    unit = standardised(rows)
    return np.vecdot(unit[..., :, None, :], unit[..., None, :, :]).astype(np.float64)


def upper(matrix: F64) -> F64:
    """Entries above the diagonal.

    Parameters
    ----------
    matrix : float64 array, shape (..., k, k)
        For example correlations.

    Returns
    -------
    float64 array, shape (..., k (k - 1) / 2)
        Row by row.
    """
    return np.asarray(matrix[(..., *_above_diagonal(matrix.shape[-1]))])


@lru_cache(maxsize=8)
def _above_diagonal(size: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    return np.triu_indices(size, 1)


def absent(count: int) -> F32:
    """Values that could not be measured.

    Parameters
    ----------
    count : int
        How many.

    Returns
    -------
    float32 array, shape (count,)
        NaN.
    """
    return np.full(count, np.nan, dtype=np.float32)


def _mean(rows: F32) -> F32:
    """Mean along the last axis, without the overhead of `np.mean`."""
    return np.asarray(np.add.reduce(rows, axis=-1) / np.float32(rows.shape[-1]))
