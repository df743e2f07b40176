"""Angular power spectrum of pictures whose numbers are known beforehand."""

from __future__ import annotations

import numpy as np
import pytest

from tests.features.pictures import gaussian, grey, textured, wave


def test_horizontal_frequency_is_at_zero_degrees(measure):
    values = measure("angular", grey(wave(128, 128, fx=0.3) + gaussian(128, 128) - 128))
    sectors = [values[f"upper_{15 * i:02d}"] for i in range(7)]
    assert np.argmax(sectors) == 0
    assert values["upper_horizontal_vs_vertical"] > 0 and values["upper_axes_vs_diagonal"] > 0


def test_transposing_swaps_the_axes(measure):
    pixels = textured(128, 128)
    upright, transposed = (
        measure("angular", np.ascontiguousarray(p)) for p in (pixels, pixels.swapaxes(0, 1))
    )
    for band in ("low", "mid", "upper", "top"):
        assert upright[f"{band}_00"] == pytest.approx(transposed[f"{band}_90"], abs=1e-3)
        assert upright[f"{band}_spread"] == pytest.approx(transposed[f"{band}_spread"], abs=1e-3)


def test_white_noise_has_no_direction(measure):
    values = measure("angular", grey(gaussian(256, 256)))
    assert max(abs(v) for k, v in values.items() if not k.startswith("low")) < 0.35
