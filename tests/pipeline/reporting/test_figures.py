"""Pictures: each is drawn from odd and from poor tables, and says in words what it shows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from pipeline.reporting import figures
from pipeline.reporting.radial_spectrum import RadialSpectrum
from tests.pipeline.reporting.example import ODD_SOURCE, learning

POINTS = pd.DataFrame({"fpr": [0, 0.001, 1.0], "tpr": [0, 0.5, 1.0]})
STRAIGHT = pd.DataFrame({"fpr": [0.0, 0.0, 1.0], "tpr": [0.0, 1.0, 1.0]})


@pytest.fixture
def axes(monkeypatch):
    """The axes of the next picture, filled while it is drawn."""
    drawn = []

    def new_axes(*size):
        figure, added = original(*size)
        drawn.extend(added)
        return figure, added

    original = figures.new_axes
    monkeypatch.setattr(figures, "new_axes", new_axes)
    return drawn


def test_roc_names_its_curves_with_their_areas(axes):
    picture = figures.roc({"overall": POINTS, ODD_SOURCE: STRAIGHT}, {"overall": 0.75, ODD_SOURCE: 1.0})
    assert picture.alt.endswith(f"AUC: overall 0.750; {ODD_SOURCE} 1.000.")
    labels = [text.get_text() for text in axes[0].get_legend().get_texts()]
    assert labels == ["overall: AUC 0.750", f"{ODD_SOURCE}: AUC 1.000"]
    assert "全部：AUC 0.750" in picture.svg


def test_low_fpr_marks_the_bounds_in_reach(axes):
    figures.low_fpr({"overall": POINTS, ODD_SOURCE: STRAIGHT}, {"overall": 0.75, ODD_SOURCE: 1.0})
    assert axes[0].get_xscale() == "log"
    assert [text.get_text() for text in axes[0].texts] == ["1e-2", "5e-3", "1e-3"]


def test_low_fpr_with_few_negatives_marks_no_bound_that_it_cannot_show(axes):
    points = pd.DataFrame({"fpr": [0, 0.05, 1.0], "tpr": [0, 0.5, 1.0]})
    figures.low_fpr({"overall": points}, {"overall": 0.5})
    assert not axes[0].texts


def test_det_is_straight_for_two_normal_distributions(axes):
    threshold = np.linspace(-3, 4, 50)
    rates = pd.DataFrame({"fpr": norm.sf(threshold), "tpr": norm.sf(threshold - 1)})
    figures.det({"overall": rates})
    x, y = axes[0].lines[0].get_data()
    inside = (x > x.min()) & (x < x.max()) & (y > y.min()) & (y < y.max())
    np.testing.assert_allclose(y[inside], -1 - x[inside], atol=1e-9)


def test_learning_draws_a_point_for_each_refit(axes):
    picture = figures.learning(learning())
    assert len(axes[0].lines[1].get_xdata()) == len(learning())
    assert picture.alt == "AUC by number of training images: 26: 0.650, 50: 0.750, 100: 0.800."


def test_precision_recall_shows_the_guess(axes):
    points = {"overall": pd.DataFrame({"recall": [0.5, 1.0], "precision": [1.0, 0.5]})}
    assert figures.precision_recall(points, 0.25).alt.endswith("a guess has precision 0.25.")
    assert axes[0].lines[-1].get_ydata()[0] == 0.25


def test_calibration_names_the_largest_gap():
    bins = pd.DataFrame({"n": 9, "mean_score": [0.1, 0.9], "share_fake": [0.2, 0.5]})
    bins = bins.assign(low=bins["share_fake"] - 0.1, high=bins["share_fake"] + 0.1)
    assert figures.calibration(bins).alt == "Calibration in 2 bins; largest gap to the diagonal 0.40."
    assert figures.calibration(bins.head(0)).alt.startswith("Calibration in 0 bins")


def test_histogram_gives_the_mean_of_both_classes():
    counts = pd.DataFrame({"score": [0.25, 0.75], "real": [3, 1], "fake": [0, 2]})
    assert figures.histogram(counts).alt.endswith("mean about 0.38 for real, 0.75 for fake.")
    assert figures.histogram(counts.assign(fake=0)).alt.endswith("0.00 for fake.")


def spectra(weight, gaps):
    values = np.arange(4.0)
    return RadialSpectrum(
        (values + 0.5) / 8, np.array(weight), (values, values / 10), (values + 1, values / 10), gaps
    )


def test_spectrum_shades_the_bands_in_use(axes):
    gaps = {"alpha": np.array([0.0, -3.0, 1.0, np.nan])}
    picture = figures.spectrum(spectra([0.5, 0.0, 0.25, 0.25], gaps))
    assert picture.alt.endswith("their difference. It is widest in alpha at 0.19 cycles per pixel.")
    shades = [patch.get_alpha() for patch in axes[0].patches]
    assert len(shades) == 3
    assert shades[0] == pytest.approx(2 * shades[1])


def test_spectrum_without_gaps_or_use_is_drawn(axes):
    picture = figures.spectrum(spectra([0.0, 0.0, 0.0, 0.0], {}))
    assert picture.alt.endswith("their difference.")
    assert not axes[0].patches
    assert axes[1].get_legend() is None
