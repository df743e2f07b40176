"""The floor of the ECE, and log losses compared in pairs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipeline.evaluation.calibration import calibration, ece_floor, log_loss_comparison, mean_difference
from pipeline.evaluation.metrics import ece


def forecasts(n, seed=0):
    generator = np.random.default_rng(seed)
    p = generator.beta(0.5, 0.5, n)
    return (generator.random(n) < p).astype(int), p


def test_floor_is_the_ece_of_a_perfect_model_and_falls_with_images():
    floors = []
    for n in (570, 1400, 5600):
        floor = ece_floor(forecasts(n)[1], seed=0)
        drawn = [ece(*forecasts(n, seed)) for seed in range(60)]
        assert floor["floor"] == pytest.approx(np.mean(drawn), rel=0.1)
        assert np.mean(np.array(drawn) <= floor["floor_high"]) > 0.85
        floors.append(floor["floor"])
    assert floors[0] > floors[1] > floors[2] > 0
    assert floors[1] / floors[2] == pytest.approx(2, rel=0.15)


def test_floor_is_seeded_and_zero_where_scores_are_certain():
    p = forecasts(100)[1]
    assert ece_floor(p, seed=3) == ece_floor(p, seed=3) != ece_floor(p, seed=4)
    assert ece_floor(np.tile([0.0, 1.0], 50), seed=0) == {"floor": 0.0, "floor_high": 0.0}


def test_right_probabilities_beat_the_base_rate_and_bent_ones():
    target, p = forecasts(2000)
    bent = p**3 / (p**3 + (1 - p) ** 3)
    found = log_loss_comparison(target, p, {"uncalibrated": bent}, np.arange(2000))
    for rival in ("base_rate", "uncalibrated"):
        gap = found[rival]["difference"]
        assert gap["low"] <= gap["value"] <= gap["high"] < 0
        assert found["log_loss"] - found[rival]["log_loss"] == pytest.approx(gap["value"])
    share = target.mean()
    entropy = -share * np.log(share) - (1 - share) * np.log(1 - share)
    assert found["base_rate"]["log_loss"] == pytest.approx(entropy)


def test_the_same_forecast_differs_by_nothing():
    assert mean_difference(np.zeros(10), np.arange(10)) == {"value": 0.0, "low": 0.0, "high": 0.0}


def test_a_forecast_that_is_too_sure_is_not_called_better_where_its_errors_were_not_drawn():
    """Two forecasts of one mean loss: the sure one is better nearly everywhere, and far worse in one image of 1,000."""
    generator, called = np.random.default_rng(0), 0
    for _ in range(200):
        values = np.where(generator.random(300) < 1e-3, 5.0, -0.005)
        found = mean_difference(values, np.arange(300))
        called += found["high"] is not None and not found["low"] <= 0 <= found["high"]
    assert called == 0
    plain = mean_difference(generator.normal(size=300), np.arange(300))
    assert plain["low"] < 0 < plain["high"]


def test_few_groups_have_a_difference_without_interval():
    found = mean_difference(np.arange(10.0), np.arange(10) % 3)
    assert found == {"value": 4.5, "low": None, "high": None}


def test_sources_are_compared_where_there_are_several():
    target, p = forecasts(60)
    labels = pd.array(target, "Int8")
    labels[0] = pd.NA
    rows = pd.DataFrame(
        {"target": labels, "score": p, "uncalibrated": p, "group": np.arange(60), "source": list("ab") * 30}
    )
    assert list(calibration(rows)) == ["overall", "a", "b"]
    assert list(calibration(rows.assign(source="a"))) == ["overall"]
    assert calibration(rows[:0]) == {}
