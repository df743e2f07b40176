"""Energy and frequencies of the power spectrum."""

from __future__ import annotations

import numpy as np
import pytest

from features.power_spectrum import N_SECTORS, RINGS_PER_CYCLE, power_spectrum
from tests.features.pictures import gaussian, wave


def test_spectrum_keeps_the_energy():
    picture = gaussian(96, 64).astype(np.float32)
    window = np.hanning(96)[:, None] * np.hanning(64)[None, :]
    energy = np.square((picture - picture.mean()) * window).sum() / np.square(window).sum()
    spectrum = power_spectrum(picture)
    assert (spectrum.power * spectrum.weight).sum() / (96 * 64) == pytest.approx(energy, rel=1e-4)


def test_white_noise_has_the_power_of_its_variance():
    spectrum = power_spectrum(gaussian(256, 256, deviation=20).astype(np.float32))
    assert np.average(spectrum.power.mean(0), weights=spectrum.weight) == pytest.approx(400, rel=0.05)


def test_polar_table_counts_every_frequency_but_zero():
    assert power_spectrum(gaussian(72, 80).astype(np.float32)).counts.sum() == 72 * 80 - 1


@pytest.mark.parametrize(("fy", "fx", "sector"), [(0, 0.25, 0), (0.25, 0, N_SECTORS - 1), (0.2, 0.2, 3)])
def test_a_wave_falls_into_its_ring_and_sector(fy, fx, sector):
    polar = power_spectrum(wave(160, 160, fy=fy, fx=fx).astype(np.float32)).polar
    ring = int(np.hypot(fy, fx) * RINGS_PER_CYCLE)
    assert np.unravel_index(np.nanargmax(polar), polar.shape) == (ring, sector)
