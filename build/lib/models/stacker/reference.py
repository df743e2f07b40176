"""What is usual of every number among the real and the fake training images: what one image is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from models.bundle_info import REFERENCE_FILE
from models.stacker.arrays import read_arrays

LEVELS = 101  # quantiles from 0 to 1: a place among the training images is told to the per cent

F32 = NDArray[np.float32]


@dataclass(frozen=True)
class Reference:
    """Quantiles of every column, by class.

    Attributes
    ----------
    real, fake : float32 array, shape (LEVELS, d)
        Rising; NaN where no image of the class has the number.
    """

    real: F32
    fake: F32

    @classmethod
    def fit(cls, features: F32, target: NDArray[np.integer]) -> Reference:
        """Take the quantiles of the training images.

        Parameters
        ----------
        features : float32 array, shape (n, d)
            NaN where a number is missing.
        target : int array, shape (n,)
            1 fake, 0 real.

        Returns
        -------
        Reference
        """
        return cls(_quantiles(features[target == 0]), _quantiles(features[target == 1]))

    def medians(self) -> tuple[F32, F32]:
        """Of real and of fake images, float32 arrays, shape (d,)."""
        return self.real[LEVELS // 2], self.fake[LEVELS // 2]

    def place(self, row: F32) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Where an image lies among the training images.

        Parameters
        ----------
        row : float32 array, shape (d,)

        Returns
        -------
        float64 array, shape (d,)
            Share of the real training images with a smaller number, ties counted half; NaN where it is missing.
        float64 array, shape (d,)
            The same of the fake ones.
        """
        return _place(row, self.real), _place(row, self.fake)

    def save(self, folder: Path) -> None:
        """Write `reference.safetensors`.

        Parameters
        ----------
        folder : Path
        """
        (folder / REFERENCE_FILE).write_bytes(save({"real": self.real, "fake": self.fake}))

    @classmethod
    def load(cls, data: bytes, *, columns: int) -> Reference:
        """Read what `save` wrote.

        Parameters
        ----------
        data : bytes
            Of the file.
        columns : int
            Of the features.

        Returns
        -------
        Reference

        Raises
        ------
        ValueError
            Saying what no such file has.
        """
        arrays: dict[str, Any] = read_arrays(data, file=REFERENCE_FILE, names=("fake", "real"))
        for name, found in arrays.items():
            if found.shape != (LEVELS, columns) or found.dtype != np.float32 or np.isinf(found).any():
                raise ValueError(f"{REFERENCE_FILE}: {name} is not {(LEVELS, columns)} float32 numbers")
            if (np.diff(found, axis=0) < 0).any():
                raise ValueError(f"{REFERENCE_FILE}: the quantiles of {name} do not rise")
        return cls(**arrays)


def _quantiles(rows: F32) -> F32:
    """Column by column, so that memory stays that of one column."""
    levels = np.linspace(0, 1, LEVELS)
    result = np.full((LEVELS, rows.shape[1]), np.nan, np.float32)
    for column in range(rows.shape[1]):
        known = rows[np.isfinite(rows[:, column]), column]
        if len(known):
            result[:, column] = np.quantile(known, levels)
    return result


def _place(row: F32, quantiles: F32) -> NDArray[np.float64]:
    known = np.isfinite(quantiles).all(0) & np.isfinite(row)
    below, upto = (quantiles < row).sum(0), (quantiles <= row).sum(0)
    return np.where(known, (below + upto) / (2.0 * len(quantiles)), np.nan)
