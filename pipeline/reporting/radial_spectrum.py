"""Mean radial spectrum of real and fake faces, and which of its bands the model uses."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.power_spectrum import RINGS_PER_CYCLE

BIN = re.compile(r"radial\.bin_\d+")


@dataclass(frozen=True)
class RadialSpectrum:
    """Mean radial spectra. frequency : cycles/px (bins,); weight : share of what the model uses, (bins,).

    real, fake : mean and half width of its 95 % interval, each (bins,), log power; gaps : source ->
    fake minus real, (bins,).
    """

    frequency: NDArray[np.float64]
    weight: NDArray[np.float64]
    real: tuple[NDArray[np.float64], NDArray[np.float64]]
    fake: tuple[NDArray[np.float64], NDArray[np.float64]]
    gaps: Mapping[str, NDArray[np.float64]]


def bin_columns(columns: Sequence[str]) -> list[str]:
    """The radial spectrum's bins among the columns, from low to high frequency."""
    return [column for column in columns if BIN.fullmatch(column)]


def mean_radial_spectrum(rows: pd.DataFrame, features: pd.DataFrame, use: pd.Series) -> RadialSpectrum | None:
    """Spectra of labelled rows, None when a class or the radial block is missing.

    rows : target, source; features : same length; use : what the model makes of each column, >= 0.
    Sources without both classes have no gap.
    """
    columns = bin_columns(list(features.columns))
    values = features[columns].to_numpy(dtype=np.float64)
    target = rows["target"].to_numpy(dtype=np.float64, na_value=np.nan)
    if not columns or not (target == 0).any() or not (target == 1).any():
        return None
    weight = use.reindex(columns).fillna(0.0).to_numpy(dtype=np.float64)
    gaps = {}
    for source in sorted(rows["source"].unique()):
        here = (rows["source"] == source).to_numpy()
        if (here & (target == 0)).any() and (here & (target == 1)).any():
            gaps[source] = _mean(values[here & (target == 1)])[0] - _mean(values[here & (target == 0)])[0]
    return RadialSpectrum(
        frequency=(np.arange(len(columns)) + 0.5) / RINGS_PER_CYCLE,
        weight=weight / weight.sum() if weight.sum() > 0 else weight,
        real=_mean(values[target == 0]),
        fake=_mean(values[target == 1]),
        gaps=gaps,
    )


def _mean(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean of each column and 1.96 standard errors, over its finite rows; NaN where there is none."""
    known = np.isfinite(values)
    count = np.maximum(known.sum(0), 1)
    filled = np.where(known, values, 0.0)
    mean = filled.sum(0) / count
    variance = (np.where(known, values - mean, 0.0) ** 2).sum(0) / np.maximum(count - 1, 1)
    half = 1.96 * np.sqrt(variance / count)
    empty = ~known.any(0)
    return np.where(empty, np.nan, mean), np.where(empty, np.nan, half)
