"""Novelty: the unseen is novel, the seen is evenly spread, and a saved one says the same."""

import os

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save

from models.stacker.novelty import MIN_ROWS_PER_COMPONENT, Novelty


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(600, 5))
    return (hidden @ rng.normal(size=(5, 90)) + 0.3 * rng.normal(size=(600, 90))).astype(np.float32)


@pytest.fixture(scope="module")
def fitted(rows):
    return Novelty.fit(rows[:400], seed=0)


def test_training_rows_are_spread_evenly(fitted, rows):
    novelty = np.sort(fitted(rows[:400]))
    np.testing.assert_allclose(novelty, np.linspace(0, 1, 400), atol=0.02)


def test_rows_alike_are_usual_and_others_are_not(fitted, rows):
    strange = np.random.default_rng(1).normal(size=(50, 90)).astype(np.float32) * rows.std(0)
    assert np.median(fitted(rows[400:])) < 0.9
    assert fitted(strange).min() > 0.999


def test_misfit_is_the_probabilistic_pca_of_scikit_learn(rows):
    """Up to a constant: -2 log-likelihood of sklearn's PCA on the standardised rows."""
    from sklearn.decomposition import PCA

    fitted = Novelty.fit(rows, seed=0)
    standard = (rows - rows.mean(0)) / rows.std(0)
    assert np.abs(standard).max() < 8
    pca = PCA(n_components=len(rows) // MIN_ROWS_PER_COMPONENT, svd_solver="covariance_eigh").fit(
        standard.astype(np.float64)
    )
    gap = -2 * pca.score_samples(standard.astype(np.float64)) - fitted.misfit(rows)
    np.testing.assert_allclose(gap, gap.mean(), atol=0.02 * np.abs(gap.mean()))


def test_missing_numbers_and_constant_columns_do_no_harm(rows):
    holed = rows.copy()
    holed[::7, 3] = np.nan
    holed[:, 5] = 1.0
    holed[:, 6] = np.nan
    fitted = Novelty.fit(holed, seed=0)
    assert np.isfinite(fitted(holed)).all()


def test_save_and_load_change_nothing(fitted, rows, tmp_path):
    fitted.save(tmp_path)
    loaded = Novelty.load((tmp_path / "novelty.safetensors").read_bytes(), columns=90)
    np.testing.assert_array_equal(loaded(rows), fitted(rows))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("mean", np.zeros(89), r"mean is not \(90,\) finite"),
        ("mean", np.full(90, np.nan), r"mean is not \(90,\) finite"),
        ("mean", np.zeros(90, np.float32), r"mean is not \(90,\) finite float64"),
        ("scale", np.zeros(90), "scale, variance or noise is not above 0"),
        ("variance", np.zeros((1, 0)), "components is not|variance is not"),
        ("noise", np.array([-1.0]), "noise is not above 0"),
        ("noise", np.zeros(2), r"noise is not \(1,\)"),
        ("quantiles", np.linspace(1, 0, 1001), "quantiles do not rise"),
        ("quantiles", np.zeros(0), r"quantiles is not \(1001,\)"),
        ("extra", np.zeros(1), "holds .*extra.* instead of"),
    ],
)
def test_numbers_that_no_model_has_are_refused(fitted, tmp_path, name, value, message):
    fitted.save(tmp_path)
    tensors = load_file(tmp_path / "novelty.safetensors") | {name: torch.from_numpy(value)}
    with pytest.raises(ValueError, match=f"novelty.safetensors.*({message})"):
        Novelty.load(save(tensors), columns=90)


@pytest.mark.parametrize("data", [b"", b"cut", b"\xff" * 100])
def test_what_is_no_safetensors_file_is_refused(data):
    with pytest.raises(ValueError, match="novelty.safetensors is no safetensors file"):
        Novelty.load(data, columns=90)


def test_the_saved_file_can_be_read_by_whom_the_umask_lets(fitted, tmp_path):
    before = os.umask(0o022)
    try:
        fitted.save(tmp_path)
    finally:
        os.umask(before)
    assert (tmp_path / "novelty.safetensors").stat().st_mode & 0o777 == 0o644


def test_one_broken_column_does_not_decide(fitted, rows):
    """A column is clipped at 8 deviations: a value of a million says no more than one of eight."""
    broken = [rows[400:].copy() for _ in range(2)]
    broken[0][:, 4], broken[1][:, 4] = rows[:400, 4].mean() + 9 * rows[:400, 4].std(), 1e6
    np.testing.assert_array_equal(fitted.misfit(broken[0]), fitted.misfit(broken[1]))
