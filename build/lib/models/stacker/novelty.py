"""How far an image's numbers are from the training images': a warning that the model has seen nothing like it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from models.bundle_info import NOVELTY_FILE
from models.stacker.arrays import read_arrays

Floats = NDArray[np.float64]
COMPONENTS = 64
MIN_ROWS_PER_COMPONENT = (
    50  # training images per component at least, else they fit better than any image to come
)
CLIP = 8.0  # standard deviations; one broken column alone must not decide
QUANTILES = 1001


@dataclass(frozen=True)
class Novelty:
    """Probabilistic PCA [1]_ of the training features.

    Attributes
    ----------
    mean, scale : float64 array, shape (d,)
        Of each column.
    centre : float64 array, shape (d,)
        Of the standardised and clipped columns.
    components : float64 array, shape (k, d)
    variance : float64 array, shape (k,)
        Of the components.
    noise : float
        Variance of what they leave.
    quantiles : float64 array, shape (QUANTILES,)
        Of the training images' misfit, rising.

    References
    ----------
    .. [1] Tipping & Bishop 1999, "Probabilistic Principal Component Analysis", doi:10.1111/1467-9868.00196
    """

    mean: Floats
    scale: Floats
    centre: Floats
    components: Floats
    variance: Floats
    noise: float
    quantiles: Floats

    @classmethod
    def fit(cls, features: NDArray[np.float32], *, seed: int) -> Novelty:
        """Learn what is usual.

        Parameters
        ----------
        features : float32 array, shape (n, d)
            Of the training images; NaN where a number is missing.
        seed : int

        Returns
        -------
        Novelty
        """
        with np.errstate(invalid="ignore"):
            known = np.isfinite(features)
            count = np.maximum(known.sum(0), 1)
            values = np.where(known, features, 0).astype(np.float64)
            mean = values.sum(0) / count
            scale = np.sqrt(np.where(known, (values - mean) ** 2, 0).sum(0) / count)
        scale = np.where(scale > 1e-12, scale, 1.0)
        rows = _standardised(features, mean, scale)
        k = max(min(COMPONENTS, rows.shape[1] - 1, len(rows) // MIN_ROWS_PER_COMPONENT), 1)
        from sklearn.decomposition import PCA  # takes a second, and who scores needs it not

        pca = PCA(n_components=k, svd_solver="covariance_eigh", random_state=seed).fit(rows)
        novelty = cls(
            mean=mean,
            scale=scale,
            centre=pca.mean_,
            components=pca.components_,
            variance=np.maximum(pca.explained_variance_, 1e-9),
            noise=max(float(pca.noise_variance_), 1e-9),
            quantiles=np.zeros(0),
        )
        spread = np.quantile(novelty.misfit(features), np.linspace(0, 1, QUANTILES))
        return cls(**{**vars(novelty), "quantiles": spread})

    def misfit(self, features: NDArray[np.float32]) -> Floats:
        """Squared distance from the training images under the model.

        Parameters
        ----------
        features : float32 array, shape (n, d)

        Returns
        -------
        float64 array, shape (n,)
        """
        rows = _standardised(features, self.mean, self.scale) - self.centre
        inside = rows @ self.components.T
        rest = np.maximum((rows**2).sum(1) - (inside**2).sum(1), 0)
        return np.asarray((inside**2 / self.variance).sum(1) + rest / self.noise)

    def __call__(self, features: NDArray[np.float32]) -> Floats:
        """Share of the training images that fit better.

        Parameters
        ----------
        features : float32 array, shape (n, d)

        Returns
        -------
        float64 array, shape (n,), in [0, 1]
            Near 1: nothing like it was seen.
        """
        place = np.searchsorted(self.quantiles, self.misfit(features), side="left")
        return np.asarray(place / len(self.quantiles), dtype=np.float64)

    def save(self, folder: Path) -> None:
        """Write `novelty.safetensors`.

        Parameters
        ----------
        folder : Path
        """
        arrays = {name: np.ascontiguousarray(np.atleast_1d(np.float64(v))) for name, v in vars(self).items()}
        # bytes, then a plain write: safetensors' own `save_file` leaves a file that others cannot read
        (folder / NOVELTY_FILE).write_bytes(save(arrays))

    @classmethod
    def load(cls, data: bytes, *, columns: int) -> Novelty:
        """Read what `save` wrote.

        Parameters
        ----------
        data : bytes
            Of the file.
        columns : int
            Of the features.

        Returns
        -------
        Novelty

        Raises
        ------
        ValueError
            Saying what no such model has.
        """
        names = [field.name for field in fields(cls)]
        arrays: dict[str, Any] = read_arrays(data, file=NOVELTY_FILE, names=names)
        k = len(arrays["variance"]) if arrays["variance"].ndim == 1 else 0
        shapes: dict[str, tuple[int, ...]] = dict.fromkeys(("mean", "scale", "centre"), (columns,))
        shapes |= {"components": (k, columns), "variance": (k,), "noise": (1,), "quantiles": (QUANTILES,)}
        for name, shape in shapes.items():
            found = arrays[name]
            if found.shape != shape or found.dtype != np.float64 or not np.isfinite(found).all():
                raise ValueError(f"{NOVELTY_FILE}: {name} is not {shape} finite float64 numbers")
        if min(arrays[name].min(initial=1.0) for name in ("scale", "variance", "noise")) <= 0:
            raise ValueError(f"{NOVELTY_FILE}: scale, variance or noise is not above 0")
        if (np.diff(arrays["quantiles"]) < 0).any():
            raise ValueError(f"{NOVELTY_FILE}: its quantiles do not rise")
        arrays["noise"] = float(arrays["noise"][0])
        return cls(**arrays)


def _standardised(features: NDArray[np.float32], mean: Floats, scale: Floats) -> Floats:
    """Columns less their mean over their scale, clipped; a missing number lies at the mean."""
    rows = (np.asarray(features, dtype=np.float64) - mean) / scale
    return np.clip(np.nan_to_num(rows, nan=0.0), -CLIP, CLIP)
