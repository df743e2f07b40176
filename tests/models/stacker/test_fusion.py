"""The fusion: one sure expert is enough, a useless one has no say, weights are never negative."""

import numpy as np
import pytest

from models.stacker.fusion import Fusion


def fit(ratios, target, weight=None, speaks_against=True):
    weight = np.ones(len(target)) if weight is None else weight
    return Fusion.fit(ratios, target, weight, speaks_against=np.full(ratios.shape[1], speaks_against))


def drawn(*, n=4000, useless=False, seed=0):
    """Ratios of two experts, each of which knows one half of the fakes; a third knows nothing."""
    rng = np.random.default_rng(seed)
    target = rng.integers(0, 2, n)
    kind = np.where(target == 1, rng.integers(0, 2, n), -1)
    ratios = rng.normal(0, 1, (n, 3 if useless else 2)) - 2.0
    for expert in (0, 1):
        ratios[kind == expert, expert] += 4
    if useless:
        ratios[:, 2] = rng.normal(0, 2, n)
    return ratios, target, kind


def test_without_evidence_it_is_the_bias():
    fusion = Fusion(-1.5, np.array([1.0, 2.0]), np.array([0.5, 0.25]))
    assert fusion(np.zeros((1, 2)))[0] == pytest.approx(-1.5 + np.log(2) * (1 + 2 - 0.5 - 0.25))


def test_one_sure_expert_is_enough_however_sure_the_other_is_of_the_opposite():
    fusion = Fusion(-2.0, np.array([1.0, 1.0]), np.array([0.1, 0.0]))
    sure, doubtful = fusion(np.array([[8.0, -30.0], [-1.0, -1.0]]))
    assert sure > 5
    assert doubtful < -1


def test_a_score_rises_with_every_ratio():
    fusion = fit(*drawn()[:2])
    ratios = np.random.default_rng(1).normal(0, 3, (50, 2))
    for expert in (0, 1):
        more = ratios.copy()
        more[:, expert] += 0.5
        assert (fusion(more) >= fusion(ratios)).all()


def test_it_finds_what_either_expert_knows():
    ratios, target, kind = drawn()
    raw = fit(ratios, target)(ratios)
    best = np.median(raw[target == 0])
    for expert in (0, 1):
        assert np.mean(raw[kind == expert] > best) > 0.95


def test_an_expert_that_learned_nothing_has_no_say():
    fusion = fit(*drawn(useless=True)[:2])
    assert (fusion.evidence_for[:2] > 0.5).all()
    assert fusion.evidence_for[2] < 0.1
    assert fusion.evidence_against[2] < 0.1
    assert (np.concatenate([fusion.evidence_for, fusion.evidence_against]) >= 0).all()


def test_an_expert_that_is_wrong_gets_no_weight():
    ratios, target, _ = drawn()
    wrong = np.hstack([ratios, -ratios[:, :1]])
    fusion = fit(wrong, target)
    assert fusion.evidence_for[2] == pytest.approx(0, abs=0.02)


def test_it_is_calibrated_for_the_weights_of_the_rows():
    ratios, target, _ = drawn()
    weight = np.where(target == 1, 0.1, 1.0)
    raw = fit(ratios, target, weight)(ratios)
    score = 1 / (1 + np.exp(-raw))
    assert np.average(score, weights=weight) == pytest.approx(np.average(target, weights=weight), abs=0.005)


def test_separable_rows_give_finite_weights():
    ratios = np.array([[-9.0], [-8.0], [8.0], [9.0]])
    fusion = fit(ratios, np.array([0, 0, 1, 1]))
    assert np.isfinite(fusion(ratios)).all()
    assert fusion.evidence_for[0] < 20


def test_only_those_who_may_speak_against_a_fake_do():
    ratios, target, _ = drawn()
    fusion = Fusion.fit(ratios, target, np.ones(len(target)), speaks_against=np.array([True, False]))
    assert fusion.evidence_against[1] == 0
    quiet = fusion(np.array([[-3.0, -30.0], [-3.0, -8.0]]))
    assert quiet[0] == pytest.approx(quiet[1], abs=0.1)
