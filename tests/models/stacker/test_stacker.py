"""The stacker: learns, repeats, calibrates, explains, and refuses features that do not fit."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from models.stacker.stacker import Stacker, mixture
from models.stacker.training import fit, platt, recalibrated
from pipeline.runtime.params import Train

OPTIONS = Train(folds=3, num_boost_round=60, early_stopping=10, learning_rate=0.1, num_leaves=7)


def table(n=600, seed=0):
    rng = np.random.default_rng(seed)
    target = rng.integers(0, 2, n)
    features = pd.DataFrame(
        rng.normal(size=(n, 4)).astype(np.float32), columns=["a.x", "a.y", "net_n.labelled", "b.z"]
    )
    features["net_n.labelled"] += 1.5 * target.astype(np.float32)
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
        moved["net_n.labelled"] += np.float32(shift)
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


def test_few_rows_correct_a_calibration_little():
    rng = np.random.default_rng(0)
    raw = rng.normal(size=20_000) * 2
    target = (rng.random(20_000) < expit(1.5 * raw + 0.6)).astype(int)
    found = [platt(raw[:n], target[:n], spread=(0.25, 0.5)) for n in (10, 20_000)]
    assert abs(found[0][0] - 1) < 0.2
    assert found[1] == pytest.approx((1.5, 0.6), abs=0.05)
    sure = np.array([-6.0, -5, -4, 4, 5, 6])  # and right: no reason to trust them less
    assert platt(sure, (sure > 0).astype(int), spread=(0.25, 0.5)) == pytest.approx((1, 0), abs=0.05)


def test_scores_that_are_too_modest_are_corrected_and_keep_their_order(fitted):
    stacker = fitted[0]
    fresh, truth, _ = table(n=4000, seed=5)
    modest = replace(stacker, slope=stacker.slope / 1.4, offset=stacker.offset / 1.4 - 0.3)
    made = recalibrated(modest, fresh, truth, prior=0.5)
    assert made.slope == pytest.approx(recalibrated(stacker, fresh, truth, prior=0.5).slope, rel=0.02)
    assert made.predict(fresh).mean() == pytest.approx(truth.mean(), abs=0.01)
    np.testing.assert_array_equal(np.argsort(made.raw(fresh)), np.argsort(modest.raw(fresh)))


def test_images_to_calibrate_on_may_have_another_share_of_fakes(fitted):
    fresh, truth, _ = table(n=4000, seed=5)
    kept = (truth == 1) | (np.arange(len(truth)) % 4 == 0)
    even, odd = (
        recalibrated(fitted[0], f, t, prior=0.5) for f, t in ((fresh, truth), (fresh[kept], truth[kept]))
    )
    assert odd.offset == pytest.approx(even.offset, abs=0.2)  # log 4 without weights
    with pytest.raises(ValueError, match="both classes"):
        recalibrated(fitted[0], fresh[truth == 1], truth[truth == 1], prior=0.5)


def test_platt_never_turns_the_order():
    raw = np.linspace(-1, 1, 100)
    slope, _ = platt(raw, (raw < 0).astype(int))
    assert slope > 0


def kinds_table(n=900, seed=3):
    """Two kinds of fake, each seen by one column alone."""
    rng = np.random.default_rng(seed)
    kinds = np.array(["real", "labelled", "blend"])[rng.integers(0, 3, n)]
    features = pd.DataFrame(
        rng.normal(size=(n, 3)).astype(np.float32), columns=["a.x", "net_n.labelled", "net_n.blend"]
    )
    features["net_n.labelled"] += (2.5 * (kinds == "labelled")).astype(np.float32)
    features["net_n.blend"] += (2.5 * (kinds == "blend")).astype(np.float32)
    return features, (kinds != "real").astype(int), np.arange(n).astype(str), kinds


@pytest.fixture(scope="module")
def experts():
    features, target, groups, kinds = kinds_table()
    return fit(features, target, groups, kinds=kinds, options=OPTIONS)


def test_each_kind_has_its_expert_and_one_that_is_sure_is_enough(experts):
    assert sorted(e.kind for e in experts.experts) == ["blend", "labelled"]
    rows = pd.DataFrame([[0, -1, -1], [0, 4, -1], [0, -1, 4]], columns=experts.columns, dtype=np.float32)
    real, fake, blend = experts.predict(rows)
    assert real < 0.25
    assert fake > 0.9
    assert blend > 0.9
    of = {e.kind: e.raw(rows) for e in experts.experts}
    assert of["labelled"][1] > 1 > 0 > of["labelled"][2]
    assert of["blend"][2] > 1 > 0 > of["blend"][1]


def test_mixture_is_the_log_of_the_weighted_sum_of_ratios():
    ratios = np.array([[0.0, 0.0], [3.0, -50.0], [-50.0, 3.0], [1.0, 2.0]])
    found = mixture(ratios, [0.75, 0.25])
    expected = np.log(0.75 * np.exp(ratios[:, 0]) + 0.25 * np.exp(ratios[:, 1]))
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert found[0] == pytest.approx(0, abs=1e-12)


def test_weights_follow_the_option(experts):
    weights = {e.kind: w for e, w in zip(experts.experts, experts.weights, strict=True)}
    assert weights == {
        "labelled": pytest.approx(1 - OPTIONS.pseudo_weight),
        "blend": pytest.approx(OPTIONS.pseudo_weight),
    }


def test_ratios_are_calibrated_out_of_fold():
    """A log-likelihood ratio of 0 means that as many real faces as fakes of the kind look like this."""
    features, target, groups, kinds = kinds_table(3000, seed=4)
    made = fit(features[:2000], target[:2000], groups[:2000], kinds=kinds[:2000], options=OPTIONS)
    rest, named = features[2000:], kinds[2000:]
    for at, expert in enumerate(made.experts):
        mine = (named == "real") | (named == expert.kind)
        chance, truth = expit(made.log_likelihood_ratios(rest)[mine, at]), named[mine] == expert.kind
        for low, high in ((0, 0.3), (0.3, 0.7), (0.7, 1)):
            inside = (chance >= low) & (chance < high)
            assert truth[inside].mean() == pytest.approx(chance[inside].mean(), abs=0.15)


def test_contributions_of_a_mixture_add_up_to_its_raw_score(experts):
    features = kinds_table()[0][:50]
    np.testing.assert_allclose(experts.contributions(features).sum(1), experts.raw(features), atol=1e-9)


def test_experts_come_back_as_they_were_saved(experts, tmp_path):
    features = kinds_table()[0]
    loaded = Stacker.load(tmp_path, experts.save(tmp_path))
    np.testing.assert_array_equal(loaded.predict(features), experts.predict(features))
    assert [e.kind for e in loaded.experts] == [e.kind for e in experts.experts]


def test_the_last_calibration_looks_at_the_judged_rows_alone():
    features, target, groups, kinds = kinds_table()
    is_original = kinds != "blend"
    some = fit(features, target, groups, kinds=kinds, is_original=is_original, options=OPTIONS)
    assert some.oof[is_original].mean() == pytest.approx(target[is_original].mean(), abs=0.03)
    assert some.oof[is_original].mean() != pytest.approx(some.oof.mean(), abs=0.03)


def test_pseudo_fakes_are_told_from_copies_not_from_untouched_reals():
    """Copies and pseudo-fakes share a trace of use, originals lack it: it must not pass for forgery."""
    features, target, groups, kinds = kinds_table()
    rng = np.random.default_rng(0)
    originals = (kinds != "blend") & (rng.random(len(kinds)) < 0.5)
    features["a.used"] = np.where(originals, 0, 1).astype(np.float32) + rng.normal(0, 0.1, len(kinds))
    features = features.astype(np.float32)
    shares = []
    for is_original in (originals, None):
        made = fit(features, target, groups, kinds=kinds, is_original=is_original, options=OPTIONS)
        blend = next(e for e in made.experts if e.kind == "blend")
        parts = np.abs(blend.contributions(features)).mean(0)
        shares.append(parts[3] / parts[2])
    assert shares[0] < 0.15
    assert shares[1] > 0.3


def test_platt_weighs_rows():
    rng = np.random.default_rng(0)
    raw, target = rng.normal(size=400), rng.integers(0, 2, 400)
    weight = np.where(target == 1, 3.0, 1.0)
    _, plain = platt(raw, target)
    _, heavy = platt(raw, target, weight)
    assert heavy - plain == pytest.approx(np.log(3), abs=0.1)
