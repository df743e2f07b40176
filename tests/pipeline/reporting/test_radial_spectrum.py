"""Mean radial spectra of both classes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from features.blocks.radial import bin_columns
from features.power_spectrum import RINGS_PER_CYCLE
from pipeline.reporting.radial_spectrum import mean_radial_spectrum
from tests.pipeline.reporting.example import ODD_SOURCE, images


def test_the_frequency_that_differs_is_found():
    rows, features = images("val", 400, strength=3)
    use = pd.Series({"radial.bin_05": 3.0, "radial.bin_01": 1.0, "radial.slope_low": 9.0})
    spectra = mean_radial_spectrum(rows, features, use)
    assert spectra.frequency[5] == pytest.approx(5.5 / RINGS_PER_CYCLE)
    assert spectra.weight.tolist() == [0, 0.25, 0, 0, 0, 0.75, 0, 0]
    assert int(np.abs(spectra.gaps["alpha"]).argmax()) == 5
    assert spectra.fake[0][5] - spectra.real[0][5] == pytest.approx(1.5, abs=0.4)


def test_the_interval_is_that_of_a_mean():
    rows = pd.DataFrame({"target": pd.array([0, 0, 0, 0, 1], dtype="Int8"), "source": "alpha"})
    features = pd.DataFrame({"radial.bin_00": [1.0, 2.0, 3.0, np.nan, 7.0], "radial.bin_01": np.nan})
    spectra = mean_radial_spectrum(rows, features, pd.Series(dtype=float))
    mean, half = spectra.real
    assert mean[0] == 2
    assert half[0] == pytest.approx(1.96 * 1 / np.sqrt(3))
    assert np.isnan(mean[1]) and np.isnan(half[1])
    assert spectra.gaps["alpha"][0] == 5


def test_a_source_of_one_class_has_no_gap():
    rows, features = images("val", 40)
    rows.loc[rows["source"] == ODD_SOURCE, "target"] = 1
    assert list(mean_radial_spectrum(rows, features, pd.Series(dtype=float)).gaps) == ["alpha"]


def test_both_classes_and_the_block_are_needed():
    rows, features = images("val", 20)
    use = pd.Series(dtype=float)
    assert mean_radial_spectrum(rows[:2], features[:2], use) is None
    assert mean_radial_spectrum(rows, features[["face.prob"]], use) is None
    assert mean_radial_spectrum(rows, features, use).weight.tolist() == [0] * 8


def test_only_bins_are_bands():
    columns = ["radial.bin_00", "radial.bin_01", "radial.slope_low", "logdct.bin_00", "radial.bin_0x"]
    assert bin_columns(columns) == ["radial.bin_00", "radial.bin_01"]
