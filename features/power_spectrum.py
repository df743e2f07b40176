"""Power spectrum of a picture, and its table by ring of frequency and direction."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import scipy.fft
from numpy.typing import NDArray

from features.moments import F32, F64

RINGS_PER_CYCLE = 64  # rings of the polar table per cycle/px: width 1/64
N_RINGS = 46  # up to the corner of the plane, sqrt(1/2) cycles/px
N_SECTORS = 7  # centred at 0, 15, ..., 90 degrees from the horizontal axis, mirrored
POWER_FLOOR = 1e-3  # grey levels squared; rounding to integers alone gives 1/12


@dataclass(frozen=True)
class Spectrum:
    """Power spectrum of a Hann-windowed picture; white noise of variance v has power v everywhere.

    Attributes
    ----------
    power : float32 array, shape (H, W // 2 + 1)
        Grey levels squared.
    weight : float32 array, shape (W // 2 + 1,)
        How often a column stands in the full plane, 1 or 2.
    sums : float64 array, shape (N_RINGS, N_SECTORS)
        Sum of log(power + POWER_FLOOR) over each ring and sector of the full plane.
    counts : float64 array, shape (N_RINGS, N_SECTORS)
        Frequencies in each cell.
    """

    power: F32
    weight: F32
    sums: F64
    counts: F64

    @property
    def polar(self) -> F64:
        """Mean log power by ring and sector, float64 (N_RINGS, N_SECTORS), NaN where a cell is empty."""
        with np.errstate(invalid="ignore"):
            return self.sums / self.counts


def power_spectrum(picture: F32) -> Spectrum:
    """Power spectrum of a picture about its mean under a symmetric Hann window.

    Parameters
    ----------
    picture : float32 array, shape (H, W)
        Grey levels; H and W even.

    Returns
    -------
    Spectrum
        Of the half plane that a real picture needs.
    """
    window, energy, cell, counts, weight = _polar_grid(*picture.shape)
    transform = scipy.fft.rfft2((picture - picture.mean()) * window)
    power = np.square(transform.real)
    power += np.square(transform.imag)
    power /= energy
    log_power = cv2.log(power + np.float32(POWER_FLOOR))  # half the time of np.log
    log_power *= weight
    sums = np.asarray(np.bincount(cell, log_power.ravel(), counts.size + 1)[:-1], dtype=np.float64)
    return Spectrum(power, weight, sums.reshape(counts.shape), counts)


@lru_cache(maxsize=64)
def _polar_grid(height: int, width: int) -> tuple[F32, np.float32, NDArray[np.intp], F64, F32]:
    """Hann window and its energy, polar cell of each frequency (flat), frequencies per cell, column weights.

    The zero frequency is in no cell: it gets the index after the last.
    """
    window = (np.hanning(height)[:, None] * np.hanning(width)[None, :]).astype(np.float32)
    energy = np.float32(np.square(window).sum())
    fy = np.abs(np.fft.fftfreq(height))[:, None]
    fx = np.fft.rfftfreq(width)[None, :]
    ring = np.hypot(fy, fx) * RINGS_PER_CYCLE
    sector = np.rint(np.arctan2(fy, fx) / (np.pi / 2) * (N_SECTORS - 1)).astype(np.intp)
    cell = np.minimum(ring.astype(np.intp), N_RINGS - 1) * N_SECTORS + sector
    cell[0, 0] = N_RINGS * N_SECTORS
    weight = np.full(width // 2 + 1, 2.0, dtype=np.float32)
    weight[0] = weight[-1] = 1.0
    full = np.broadcast_to(weight, cell.shape).ravel()
    counts = np.bincount(cell.ravel(), full, N_RINGS * N_SECTORS + 1)[:-1].astype(np.float64)
    return window, energy, cell.ravel(), counts.reshape(N_RINGS, N_SECTORS), weight
