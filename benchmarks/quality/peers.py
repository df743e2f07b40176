"""Detectors that others have published, as a user would rebuild them: `fit` on files, `score` pictures.

They look at the whole image. Higher scores mean fake; the scale is each one's own.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
import pandas as pd
import scipy.fft
import scipy.linalg
from numpy.typing import NDArray
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from benchmarks.quality.conditions import U8
from benchmarks.quality.peernets import FrozenTrees, TunedNet
from benchmarks.quality.rows import drawn, picture

RADIAL_BINS = 88
DCT_SIDE = 128
# Both kernel methods hold n × n numbers: more images than this are drawn, as many of each class.
MOST_FOR_KERNELS = 12_000
ALPHAS = np.logspace(1, 6, 11)


class Peer(Protocol):
    """What the benchmark asks of a peer; it is kept by pickle in the scratch folder."""

    def fit(self, train: pd.DataFrame) -> None:
        """Learn from the columns path, img_name, target, group, source."""

    def score(self, pixels: list[U8]) -> NDArray[np.float64]:
        """Higher for fakes, float64 (n,). pixels : uint8 (H, W, 3), RGB, of any sizes."""


def make_peer(name: str, *, weights: Path, size: int, threads: int) -> Peer:
    """A peer of PEERS, untrained. size : px of the fine-tuned net's picture."""
    return PEERS[name](weights, size, threads)


def radial_profile(pixels: U8) -> NDArray[np.float32]:
    """Azimuthal mean of the log power spectrum over its value at the centre, float32 (88,).

    Durall et al. 2019 (arXiv:1911.00686). The radius is in cycles per px, so pictures of all sizes compare.
    """
    grey = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), dtype=np.float32)
    power = 20 * np.log(np.abs(scipy.fft.fft2(grey)) + 1e-8)
    fy, fx = (np.fft.fftfreq(side) for side in grey.shape)
    ring = np.rint(np.hypot(fy[:, None], fx[None, :]) * min(grey.shape)).astype(np.int64).ravel()
    profile = np.bincount(ring, weights=power.ravel()) / np.maximum(np.bincount(ring), 1)
    bins = np.interp(np.linspace(0, 1, RADIAL_BINS), np.linspace(0, 1, len(profile)), profile)
    return (bins / bins[0]).astype(np.float32)


def log_dct(pixels: U8) -> NDArray[np.float32]:
    """Log of the DCT's absolute values of the un-resampled centre, float32 (16384,).

    Frank et al. 2020 (arXiv:2003.08685). A picture that is smaller is enlarged.
    """
    grey = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), dtype=np.float32)
    height, width = grey.shape
    top, left = max((height - DCT_SIDE) // 2, 0), max((width - DCT_SIDE) // 2, 0)
    cut = grey[top : top + DCT_SIDE, left : left + DCT_SIDE]
    if cut.shape != (DCT_SIDE, DCT_SIDE):
        cut = np.asarray(cv2.resize(cut, (DCT_SIDE, DCT_SIDE)), dtype=np.float32)
    spectrum = scipy.fft.dctn(cut, norm="ortho")
    return np.log(np.abs(spectrum) + 1e-6).ravel().astype(np.float32)


def table_of(
    train: pd.DataFrame, numbers: Callable[[U8], NDArray[np.float32]], *, threads: int
) -> NDArray[np.float32]:
    """Numbers of every training picture, float32 (n, d)."""

    def row(path: str, name: str) -> NDArray[np.float32]:
        return numbers(picture(path, name, "clean"))

    with ThreadPoolExecutor(threads) as pool:
        return np.stack(list(pool.map(row, train["path"], train["img_name"])))


@dataclass
class RadialSVM:
    """Azimuthal power spectrum and a support vector machine with an RBF kernel."""

    threads: int
    model: Any = None

    def fit(self, train: pd.DataFrame) -> None:
        train = drawn(train, by=["target"], each=MOST_FOR_KERNELS // 2)
        x = table_of(train, radial_profile, threads=self.threads)
        self.model = make_pipeline(StandardScaler(), SVC(cache_size=500))
        self.model.fit(x, train["target"].to_numpy(np.int64))

    def score(self, pixels: list[U8]) -> NDArray[np.float64]:
        return np.asarray(self.model.decision_function(np.stack([radial_profile(p) for p in pixels])))


@dataclass
class LogDCTRidge:
    """Log-DCT coefficients and ridge regression on the label."""

    threads: int
    mean: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    scale: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    coef: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    alpha: float = float("nan")

    def fit(self, train: pd.DataFrame) -> None:
        train = drawn(train, by=["target"], each=MOST_FOR_KERNELS // 2)
        x = table_of(train, log_dct, threads=self.threads)
        self.mean, self.scale = x.mean(0), x.std(0) + 1e-6
        x -= self.mean
        x /= self.scale
        y = train["target"].to_numpy(np.float32)
        self.coef, self.alpha = ridge(x, y - y.mean(), ALPHAS)

    def score(self, pixels: list[U8]) -> NDArray[np.float64]:
        x = (np.stack([log_dct(p) for p in pixels]) - self.mean) / self.scale
        return np.asarray(x @ self.coef, dtype=np.float64)


def ridge(
    x: NDArray[np.float32], y: NDArray[np.float32], alphas: NDArray[np.float64]
) -> tuple[NDArray[np.float32], float]:
    """Coefficients (d,) at the alpha of least leave-one-out error, and that alpha.

    What RidgeCV does for n < d, in float32: its float64 needs four times the memory here. x, y : centred.
    """
    values, vectors = scipy.linalg.eigh(x @ x.T, overwrite_a=True, check_finite=False)
    turned, squares = vectors.T @ y, vectors**2
    errors, duals = [], []
    for alpha in alphas:
        inverse = (1 / (np.maximum(values, 0) + alpha)).astype(np.float32)
        dual = vectors @ (turned * inverse)
        errors.append(float(np.mean((dual / (squares @ inverse)) ** 2)))
        duals.append(dual)
    best = int(np.argmin(errors))
    return x.T @ duals[best], float(alphas[best])


PEERS: dict[str, Callable[[Path, int, int], Peer]] = {
    "radial_svm": lambda weights, size, threads: RadialSVM(threads),
    "logdct_ridge": lambda weights, size, threads: LogDCTRidge(threads),
    "frozen_lgbm": lambda weights, size, threads: FrozenTrees(weights, threads),
    "npr": lambda weights, size, threads: TunedNet(weights, DCT_SIDE, threads, residual=True),
    "mobilenetv2": lambda weights, size, threads: TunedNet(weights, size, threads),
}
