"""The fusion: Bayes' rule for fakes of several kinds, and what each expert adds to it."""

import numpy as np
import pytest
from scipy.stats import norm

from models.stacker.fusion import Fusion

KINDS = ["labelled", "blend", "resynthesis"]


def test_it_is_the_likelihood_ratio_of_a_mixture():
    """Fakes of either kind, each moved along an axis of its own: the best score of all is known."""
    points = np.random.default_rng(0).normal(0, 2, (50, 2))
    densities = [norm.pdf(points - centre).prod(axis=1) for centre in ([0, 0], [3, 0], [0, 2])]
    ratios = np.log(np.stack([densities[1], densities[2]], axis=1) / densities[0][:, None])
    right = np.log((0.7 * densities[1] + 0.3 * densities[2]) / densities[0])
    assert Fusion(np.array([0.7, 0.3]))(ratios) == pytest.approx(right)


def test_the_kinds_without_a_label_share_alike():
    assert Fusion.of(KINDS, unlabelled_share=0.4).shares.tolist() == pytest.approx([0.6, 0.2, 0.2])
    assert Fusion.of(["labelled"], unlabelled_share=0.4).shares.tolist() == [1.0]
    assert Fusion.of(["blend", "resynthesis"], unlabelled_share=0.4).shares.tolist() == [0.5, 0.5]


def test_without_evidence_it_is_nought():
    assert Fusion.of(KINDS, unlabelled_share=0.3)(np.zeros((1, 3)))[0] == pytest.approx(0)


def test_one_sure_expert_is_enough_however_sure_the_others_are_of_the_opposite():
    fusion = Fusion.of(KINDS, unlabelled_share=0.3)
    sure, doubtful = fusion(np.array([[-30.0, 8.0, -30.0], [-2.0, -2.0, -2.0]]))
    assert sure > 5
    assert doubtful == pytest.approx(-2)


def test_a_score_rises_with_every_ratio():
    fusion = Fusion.of(KINDS, unlabelled_share=0.3)
    ratios = np.random.default_rng(1).normal(0, 3, (50, 3))
    for expert in range(3):
        more = ratios.copy()
        more[:, expert] += 0.5
        assert (fusion(more) > fusion(ratios)).all()


def test_an_expert_that_learned_nothing_changes_no_order():
    ratios = np.random.default_rng(2).normal(0, 3, (50, 3))
    ratios[:, 2] = 0.1
    two = Fusion(np.array([0.7, 0.15]))(ratios[:, :2])
    three = Fusion(np.array([0.7, 0.15, 0.15]))(ratios)
    assert (np.argsort(two) == np.argsort(three)).all()


def test_what_experts_add_adds_up():
    fusion = Fusion.of(KINDS, unlabelled_share=0.3)
    ratios, base = np.random.default_rng(3).normal(0, 3, (2, 20, 3))
    assert fusion.terms(ratios).sum(axis=1) == pytest.approx(fusion(ratios))
    assert fusion.terms(ratios, base).sum(axis=1) == pytest.approx(fusion(ratios) - fusion(base))
    base[:, 1] = ratios[:, 1]
    assert (fusion.terms(ratios, base)[:, 1] == 0).all()


def test_what_two_experts_add_is_shapleys_value():
    fusion = Fusion(np.array([0.6, 0.4]))
    a, b = 2.0, -1.0
    alone, late = fusion(np.array([[a, 0.0], [a, b]])) - fusion(np.array([[0.0, 0.0], [0.0, b]]))
    assert fusion.terms(np.array([[a, b]]))[0, 0] == pytest.approx((alone + late) / 2)


def test_experts_that_say_the_same_add_the_same():
    terms = Fusion(np.array([0.5, 0.25, 0.25])).terms(np.array([[1.0, 4.0, 4.0]]))[0]
    assert terms[1] == pytest.approx(terms[2])
