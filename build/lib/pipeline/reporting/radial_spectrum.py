"""Mean radial spectrum of real and fake faces, and which of its bands the model uses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.blocks.radial import bin_columns
from features.power_spectrum import RINGS_PER_CYCLE


@dataclass(frozen=True)
class RadialSpectrum:
    """Mean radial spectra of both classes.

    Attributes
    ----------
    frequency : float64 array, shape (bins,), cycles per pixel
        Centres of the bands.
    weight : float64 array, shape (bins,)
        Share of each band in what the model uses of them; zeros when it uses none.
    real, fake : pair of float64 arrays, shape (bins,), log power
        The mean of the class and half the width of its 95 % interval.
    gaps : mapping of str to float64 array, shape (bins,), log power
        Fake minus real of each source that has both.
    """

    frequency: NDArray[np.float64]
    weight: NDArray[np.float64]
    real: tuple[NDArray[np.float64], NDArray[np.float64]]
    fake: tuple[NDArray[np.float64], NDArray[np.float64]]
    gaps: Mapping[str, NDArray[np.float64]]


def mean_radial_spectrum(rows: pd.DataFrame, features: pd.DataFrame, use: pd.Series) -> RadialSpectrum | None:
    """Average the spectra of labelled rows.

    Parameters
    ----------
    rows : DataFrame, n rows
        Columns target (0, 1 or missing) and source.
    features : DataFrame, n rows
        Columns of the blocks; NaN where a bin holds nothing.
    use : Series
        What the model makes of each column, from 0 up, by column.

    Returns
    -------
    RadialSpectrum or None
        None when a class or the radial block is missing.
    """
    columns = bin_columns(list(features.columns))
    values = features[columns].to_numpy(dtype=np.float64)
    target = rows["target"].to_numpy(dtype=np.float64, na_value=np.nan)
    if not columns or not (target == 0).any() or not (target == 1).any():
        return None
    weight = use.reindex(columns).fillna(0.0).to_numpy(dtype=np.float64)
    gaps = {}
    for source in sorted(rows["source"].unique()):
        of_source = (rows["source"] == source).to_numpy()
        real, fake = of_source & (target == 0), of_source & (target == 1)
        if real.any() and fake.any():
            gaps[source] = _mean(values[fake])[0] - _mean(values[real])[0]
    return RadialSpectrum(
        frequency=(np.arange(len(columns)) + 0.5) / RINGS_PER_CYCLE,
        weight=weight / weight.sum() if weight.sum() > 0 else weight,
        real=_mean(values[target == 0]),
        fake=_mean(values[target == 1]),
        gaps=gaps,
    )


def _mean(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Average each column over its finite rows, with 1.96 standard errors; NaN where there is none."""
    known = np.isfinite(values)
    count = np.maximum(known.sum(0), 1)
    filled = np.where(known, values, 0.0)
    mean = filled.sum(0) / count
    variance = (np.where(known, values - mean, 0.0) ** 2).sum(0) / np.maximum(count - 1, 1)
    half = 1.96 * np.sqrt(variance / count)
    empty = ~known.any(0)
    return np.where(empty, np.nan, mean), np.where(empty, np.nan, half)
