"""The stacker: learns, repeats, calibrates, explains, and refuses features that do not fit."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from models.stacker import Stacker, fit, platt
from pipeline.params import Train

OPTIONS = Train(folds=3, rounds=60, early_stopping=10, learning_rate=0.1, num_leaves=7)


def table(n=600, seed=0):
    rng = np.random.default_rng(seed)
    target = rng.integers(0, 2, n)
    features = pd.DataFrame(
        rng.normal(size=(n, 4)).astype(np.float32), columns=["a.x", "a.y", "net_n.fakes", "b.z"]
    )
    features["net_n.fakes"] += 1.5 * target.astype(np.float32)
    features.loc[::7, "a.y"] = np.nan
    groups = (np.arange(n) // 2).astype(str)
    return features, target, groups


@pytest.fixture(scope="module")
def fitted():
    features, target, groups = table()
    return fit(features, target, groups, options=OPTIONS), features, target, groups


def test_it_learns_out_of_fold(fitted):
    stacker, _, target, _ = fitted
    gap = stacker.oof[target == 1].mean() - stacker.oof[target == 0].mean()
    assert gap > 0.2
    assert len(stacker.boosters) == 3


def test_noise_is_not_learned_out_of_fold():
    features, target, groups = table()
    shuffled = np.random.default_rng(1).permutation(target)
    oof = fit(features, shuffled, groups, options=OPTIONS).oof
    assert abs(oof[shuffled == 1].mean() - oof[shuffled == 0].mean()) < 0.05


def test_training_twice_gives_the_same_bytes(fitted, tmp_path):
    stacker, features, target, groups = fitted
    again = fit(features, target, groups, options=OPTIONS)
    assert [b.model_to_string() for b in again.boosters] == [b.model_to_string() for b in stacker.boosters]
    np.testing.assert_array_equal(again.oof, stacker.oof)


def test_save_and_load_change_no_bit(fitted, tmp_path):
    stacker, features, _, _ = fitted
    loaded = Stacker.load(tmp_path, stacker.save(tmp_path))
    np.testing.assert_array_equal(loaded.predict(features), stacker.predict(features))


def test_a_single_row_scores_as_in_the_table(fitted):
    stacker, features, _, _ = fitted
    whole = stacker.predict(features.iloc[:20])
    single = np.concatenate([stacker.predict(features.iloc[[i]]) for i in range(20)])
    np.testing.assert_array_equal(whole, single)


def test_a_higher_logit_never_lowers_the_score(fitted):
    stacker, features, _, _ = fitted
    scores = []
    for shift in (-2.0, 0.0, 2.0):
        moved = features.copy()
        moved["net_n.fakes"] += np.float32(shift)
        scores.append(stacker.predict(moved))
    assert (scores[1] >= scores[0]).all()
    assert (scores[2] >= scores[1]).all()
    assert (scores[2] > scores[0]).any()


def test_contributions_add_up_to_the_raw_score(fitted):
    stacker, features, _, _ = fitted
    parts = stacker.contributions(features)
    assert parts.shape == (len(features), len(features.columns) + 1)
    np.testing.assert_allclose(parts.sum(1), stacker.raw(features), atol=1e-6)
    assert np.abs(parts[:, 2]).mean() > 3 * np.abs(parts[:, 0]).mean()


def test_columns_that_do_not_fit_are_named(fitted):
    stacker, features, _, _ = fitted
    with pytest.raises(ValueError, match=r"1 columns missing \['b.z'\]"):
        stacker.predict(features.drop(columns="b.z"))
    with pytest.raises(ValueError, match=r"1 unknown \['c.c'\]"):
        stacker.predict(features.assign(**{"c.c": 1.0}))
    with pytest.raises(ValueError, match="order differs"):
        stacker.predict(features[features.columns[::-1]])


def test_no_rows_give_no_scores(fitted):
    stacker, features, _, _ = fitted
    assert stacker.predict(features.iloc[:0]).shape == (0,)


def test_platt_recovers_a_known_calibration():
    rng = np.random.default_rng(0)
    raw = rng.normal(size=40_000) * 2
    target = (rng.random(40_000) < expit(0.5 * raw - 0.7)).astype(int)
    slope, offset = platt(raw, target)
    assert slope == pytest.approx(0.5, abs=0.03)
    assert offset == pytest.approx(-0.7, abs=0.03)


def test_platt_never_turns_the_order():
    raw = np.linspace(-1, 1, 100)
    slope, _ = platt(raw, (raw < 0).astype(int))
    assert slope > 0
