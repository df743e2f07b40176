"""Two scores of the same images: right about nulls, finds what is there."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from pipeline.evaluation.comparison import COMPARED, TPR, compare, verdict
from pipeline.evaluation.metrics import auc, losses

OPTIONS = {"resamples": 100, "seed": 0}


def drawn(generator, *, gain=0.0, groups=60, size=4):
    """Labels, two scores that share noise, the second better by `gain` standard deviations, and groups."""
    member = np.repeat(np.arange(groups), size)
    target = np.tile([0, 1], groups * size // 2)
    shared, *own = (
        generator.normal(size=groups)[member] + generator.normal(size=groups * size) for _ in range(3)
    )
    first, second = (0.7 * shared + 0.7 * noise + 1.6 * target for noise in own)
    return target, expit(first), expit(second + gain * target), member


def test_figures_are_those_of_each_score():
    target, first, second, groups = drawn(np.random.default_rng(0))
    result = compare(target, first, second, groups, **OPTIONS)
    assert (result["n"], result["groups"], result["positives"], result["same"]) == (240, 60, 120, False)
    for side, score in (("first", first), ("second", second)):
        assert result["auc"][side] == pytest.approx(auc(target, score))
        assert result["log_loss"][side] == pytest.approx(losses(target, score).mean())
    for name in COMPARED:
        figure = result[name]
        assert figure["difference"]["value"] == pytest.approx(figure["second"] - figure["first"])


def test_the_other_way_round_is_the_negative():
    target, first, second, groups = drawn(np.random.default_rng(1), groups=800)
    one, other = (compare(target, *pair, groups, **OPTIONS) for pair in ((first, second), (second, first)))
    for name in COMPARED:
        a, b = one[name]["difference"], other[name]["difference"]
        assert (a["low"], a["high"]) == (pytest.approx(-b["high"]), pytest.approx(-b["low"]))


def test_bootstrap_and_delong_agree():
    target, first, second, groups = drawn(np.random.default_rng(2), groups=200)
    figure = compare(target, first, second, groups, resamples=400, seed=0)["auc"]
    widths = [figure[key]["high"] - figure[key]["low"] for key in ("difference", "bootstrap")]
    assert widths[1] == pytest.approx(widths[0], rel=0.2)


def test_of_nulls_few_are_called_different_and_a_real_difference_is_found():
    """The full figure, 500 of each of many designs, is that of `python -m benchmarks.coverage --parts differences`."""
    generator = np.random.default_rng(3)
    nulls = [compare(*drawn(generator), resamples=60, seed=0) for _ in range(100)]
    for name in COMPARED:
        right = np.mean([verdict(result[name], metric=name) in ("none", "unknown") for result in nulls])
        assert right >= 0.9, name  # 93 of 100 at the least, but for chance
    better = [compare(*drawn(generator, gain=1.2), resamples=60, seed=0) for _ in range(10)]
    assert all(verdict(result["auc"], metric="auc") == "second" for result in better)


def test_the_same_scores_do_not_differ():
    target, first, _, groups = drawn(np.random.default_rng(4))
    result = compare(target, first, first, groups, **OPTIONS)
    assert result["same"]
    for name in COMPARED:
        difference = result[name]["difference"]
        assert [difference[key] for key in ("value", "low", "high")] == [0, 0, 0]


def test_few_groups_give_no_interval():
    target, first, second, groups = drawn(np.random.default_rng(5), groups=6, size=40)
    result = compare(target, first, second, groups, **OPTIONS)
    assert result["auc"]["difference"]["low"] is None
    assert verdict(result["auc"], metric="auc") == "unknown"


def test_without_both_classes_nothing_is_ranked():
    result = compare([0, 0, 0], [0.1, 0.2, 0.3], [0.2, 0.2, 0.2], ["a", "b", "c"], **OPTIONS)
    assert result["auc"] is None
    assert result[TPR] is None
    assert result["log_loss"]["first"] > 0
    assert verdict(result["auc"], metric="auc") == "unknown"
    assert compare([], [], [], [], **OPTIONS)["log_loss"] is None


def test_tpr_differences_need_reals_enough_for_the_tprs_themselves():
    """With one or two reals above the threshold a bootstrap calls more than 7 of 100 nulls different."""
    few, many = (
        compare(*drawn(np.random.default_rng(6), groups=groups), **OPTIONS)[TPR] for groups in (60, 800)
    )
    assert few["difference"]["value"] == pytest.approx(few["second"] - few["first"])
    assert (few["difference"]["low"], few["difference"]["high"]) == (None, None)
    gap = many["difference"]
    assert gap["low"] < gap["value"] < gap["high"]


def test_few_reals_have_no_tpr():
    target = np.repeat([0, 1], 50)
    score = np.linspace(0, 1, 100)
    figure = compare(target, score, score**2, np.arange(100), **OPTIONS)[TPR]
    assert figure == {"first": None, "second": None, "difference": {"value": None, "low": None, "high": None}}


@pytest.mark.parametrize(
    ("metric", "low", "high", "expected"),
    [
        ("auc", 0.1, 0.2, "second"),
        ("auc", -0.2, -0.1, "first"),
        ("log_loss", -0.2, -0.1, "second"),
        ("log_loss", 0.1, 0.2, "first"),
        ("auc", -0.1, 0.2, "none"),
        ("auc", 0.0, 0.2, "none"),
    ],
)
def test_verdict_knows_which_side_is_better(metric, low, high, expected):
    assert verdict({"difference": {"low": low, "high": high}}, metric=metric) == expected
