"""Curves are short, keep their area and count every image."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.evaluation import curves
from tests.pipeline.evaluation.scored import one, scored


def test_curves_have_at_most_500_points_and_keep_the_area():
    target, score = scored(n=20_000, ties=False)
    roc = curves.roc(target, score)
    assert len(roc) <= 500
    assert len(curves.precision_recall(target, score)) <= 500
    assert roc.iloc[0].tolist() == [0, 0]
    assert roc.iloc[-1].tolist() == [1, 1]
    area = np.trapezoid(roc["tpr"], roc["fpr"]) if hasattr(np, "trapezoid") else None
    assert area is None or area == pytest.approx(one("auc", target, score), abs=2e-3)


def test_small_roc_drops_only_points_on_a_line():
    roc = curves.roc([1, 1, 0, 1, 0], [0.9, 0.8, 0.7, 0.6, 0.5])
    assert roc["fpr"].tolist() == [0, 0, 0.5, 0.5, 1]
    assert roc["tpr"].tolist() == pytest.approx([0, 2 / 3, 2 / 3, 1, 1])


def test_curves_of_one_class_are_empty():
    assert curves.roc([1, 1], [0.1, 0.2]).empty
    assert curves.roc([], []).empty
    assert curves.precision_recall([0], [0.1]).empty
    assert curves.reliability([], []).empty


def test_reliability_and_histogram_count_every_image():
    target, score = scored(n=600, ties=False)
    table = curves.reliability(target, score)
    assert table["n"].sum() == 600
    assert len(table) == 15
    assert ((table["low"] <= table["share_fake"]) & (table["share_fake"] <= table["high"])).all()
    counts = curves.histogram(target, score)
    assert counts["real"].sum() == (target == 0).sum()
    assert counts["fake"].sum() == target.sum()


def test_thinned_points_rise_and_keep_both_ends():
    points = curves.thin(10_000, 100)
    assert (points[0], points[-1]) == (0, 9999)
    assert len(points) <= 100
    assert (np.diff(points) > 0).all()
    assert curves.thin(5, 100).tolist() == [0, 1, 2, 3, 4]
