"""Training of the stacker: out of fold, the same bytes again, each kind by its expert, calibrated on originals."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from models.errors import UserError
from models.stacker.training import fit, recalibrated
from tests.models.stacker.drawn_tables import LOGITS, OPTIONS, kinds_table, table


def test_it_learns_out_of_fold(fitted):
    stacker, _, target, _ = fitted
    gap = stacker.oof[target == 1].mean() - stacker.oof[target == 0].mean()
    assert gap > 0.2
    assert len(stacker.boosters) == 3


def test_noise_is_not_learned_out_of_fold():
    features, target, groups = table()
    shuffled = np.random.default_rng(1).permutation(target)
    oof = fit(features, shuffled, groups, logits=LOGITS, options=OPTIONS).oof
    assert abs(oof[shuffled == 1].mean() - oof[shuffled == 0].mean()) < 0.05


def test_training_twice_gives_the_same_bytes(fitted):
    stacker, features, target, groups = fitted
    again = fit(features, target, groups, logits=LOGITS, options=OPTIONS)
    assert [b.model_to_string() for b in again.boosters] == [b.model_to_string() for b in stacker.boosters]
    np.testing.assert_array_equal(again.oof, stacker.oof)


def test_scores_that_are_too_modest_are_corrected_and_keep_their_order(fitted):
    stacker = fitted[0]
    fresh, truth, _ = table(n=4000, seed=5)
    modest = replace(stacker, slope=stacker.slope / 1.4, offset=stacker.offset / 1.4 - 0.3)
    refitted = recalibrated(modest, fresh, truth, prior=0.5)
    assert refitted.slope == pytest.approx(recalibrated(stacker, fresh, truth, prior=0.5).slope, rel=0.02)
    assert refitted.predict(fresh).mean() == pytest.approx(truth.mean(), abs=0.01)
    np.testing.assert_array_equal(np.argsort(refitted.raw(fresh)), np.argsort(modest.raw(fresh)))


def test_images_to_calibrate_on_may_have_another_share_of_fakes(fitted):
    fresh, truth, _ = table(n=4000, seed=5)
    kept = (truth == 1) | (np.arange(len(truth)) % 4 == 0)
    even, odd = (
        recalibrated(fitted[0], f, t, prior=0.5) for f, t in ((fresh, truth), (fresh[kept], truth[kept]))
    )
    assert odd.offset == pytest.approx(even.offset, abs=0.2)  # log 4 without weights
    with pytest.raises(ValueError, match="both classes"):
        recalibrated(fitted[0], fresh[truth == 1], truth[truth == 1], prior=0.5)


def test_ratios_are_calibrated_out_of_fold():
    """A log-likelihood ratio of 0 means that as many real faces as fakes of the kind look like this."""
    features, target, groups, kinds = kinds_table(3000, seed=4)
    refitted = fit(
        features[:2000], target[:2000], groups[:2000], kinds=kinds[:2000], logits=LOGITS, options=OPTIONS
    )
    rest, named = features[2000:], kinds[2000:]
    for column, expert in enumerate(refitted.experts):
        in_task = (named == "real") | (named == expert.kind)
        chance, truth = (
            expit(refitted.log_likelihood_ratios(rest)[in_task, column]),
            named[in_task] == expert.kind,
        )
        for low, high in ((0, 0.3), (0.3, 0.7), (0.7, 1)):
            inside = (chance >= low) & (chance < high)
            assert truth[inside].mean() == pytest.approx(chance[inside].mean(), abs=0.15)


def test_the_last_calibration_looks_at_the_originals_alone():
    features, target, groups, kinds = kinds_table()
    is_original = kinds != "blend"
    some = fit(features, target, groups, kinds=kinds, is_original=is_original, logits=LOGITS, options=OPTIONS)
    assert some.oof[is_original].mean() == pytest.approx(target[is_original].mean(), abs=0.03)
    assert some.oof[is_original].mean() != pytest.approx(some.oof.mean(), abs=0.03)


def test_pseudo_fakes_are_told_from_their_partners_not_from_untouched_reals():
    """Partners and pseudo-fakes share a trace of use, originals lack it: no expert may take it for forgery or its lack."""
    features, target, groups, kinds = kinds_table(1500)
    rng = np.random.default_rng(0)
    partner_of = np.where((kinds == "real") & (rng.random(len(kinds)) < 0.5), "blend", "")
    is_original = (kinds != "blend") & (partner_of == "")
    used = (kinds == "blend") | (partner_of == "blend")
    features["a.used"] = used.astype(np.float32) + rng.normal(0, 0.1, len(kinds))
    features = features.astype(np.float32)
    shares = []
    for partners in (partner_of, None):
        refitted = fit(
            features,
            target,
            groups,
            kinds=kinds,
            is_original=is_original,
            partner_of=partners,
            logits=LOGITS,
            options=OPTIONS,
        )
        parts = {e.kind: np.abs(e.contributions(features)).mean(0) for e in refitted.experts}
        shares.append((parts["blend"][3] / parts["blend"][2], parts["labelled"][3] / parts["labelled"][1]))
    assert max(shares[0]) < 0.15
    assert min(shares[1]) > 0.25


def test_pseudo_fakes_are_told_from_honest_copies_too():
    """Resampling marks half of the pseudo-fakes and all copies of real images: it must not pass for forgery."""
    features, target, groups, kinds = kinds_table(2400)
    rng = np.random.default_rng(0)
    real = kinds == "real"
    partner_of = np.where(real & (rng.random(len(kinds)) < 0.4), "blend", "")
    is_copy = real & (partner_of == "") & (rng.random(len(kinds)) < 0.6)
    is_original = (kinds != "blend") & (partner_of == "") & ~is_copy
    smooth = is_copy | ((kinds == "blend") & (rng.random(len(kinds)) < 0.5))
    features["a.smooth"] = (smooth + rng.normal(0, 0.1, len(kinds))).astype(np.float32)
    stacker = fit(
        features,
        target,
        groups,
        kinds=kinds,
        is_original=is_original,
        partner_of=partner_of,
        logits=LOGITS,
        options=OPTIONS,
    )
    blend = stacker.experts[1].raw(features)
    assert np.median(blend[is_copy]) < np.median(blend[partner_of == "blend"]) + 0.1


def test_a_logit_that_points_the_wrong_way_gets_no_weight():
    features, target, groups = table()
    features["net_n.labelled"] *= -1
    stacker = fit(features, target, groups, logits=LOGITS, options=OPTIONS)
    assert stacker.experts[0].weights["net_n.labelled"] == pytest.approx(0, abs=0.02)
    as_column = fit(features, target, groups, options=OPTIONS)
    lift = [s.oof[target == 1].mean() - s.oof[target == 0].mean() for s in (stacker, as_column)]
    assert abs(lift[0]) < 0.05
    assert lift[1] > 0.2


def test_the_surest_images_keep_their_order():
    """What trees cut into steps stays one number beside them: no two scores are alike."""
    features, target, groups = table(2000)
    stacker = fit(features, target, groups, logits=LOGITS, options=OPTIONS)
    same = pd.concat([features.iloc[[0]]] * 50, ignore_index=True)
    same["net_n.labelled"] = np.linspace(4, 12, 50, dtype=np.float32)
    assert (np.diff(stacker.raw(same)) > 0).all()
    expert = stacker.experts[0]
    trees = [booster.predict(same, raw_score=True) for booster in expert.boosters]
    assert len(np.unique(np.mean(trees, axis=0))) < 25


def test_logits_alone_are_enough():
    features, target, groups = table(1000)
    alone = features[["net_n.labelled"]]
    stacker = fit(alone, target, groups, logits=LOGITS, options=OPTIONS)
    assert stacker.oof[target == 1].mean() > stacker.oof[target == 0].mean() + 0.2
    np.testing.assert_allclose(stacker.contributions(alone).sum(1), stacker.raw(alone), atol=1e-9)


def test_every_kind_counts_alike_however_many_rows_it_has():
    """Few blends among many labelled fakes are found nearly as well as the labelled ones."""
    features, target, groups, kinds = kinds_table(3000)
    kept = (kinds != "blend") | (np.arange(3000) % 6 == 0)
    stacker = fit(
        features[kept], target[kept], groups[kept], kinds=kinds[kept], logits=LOGITS, options=OPTIONS
    )
    assert [e.kind for e in stacker.experts] == ["labelled", "blend"]
    raw = stacker.raw(features)
    middle = np.median(raw[kinds == "real"])
    found = {kind: np.mean(raw[kinds == kind] > middle) for kind in ("labelled", "blend")}
    assert found["blend"] > found["labelled"] - 0.05


def test_too_few_groups_are_refused():
    features, target, _ = table(60)
    with pytest.raises(UserError, match=r"class 0 \(real\) has 1 groups"):
        fit(features, target, np.where(target == 0, "a", np.arange(60).astype(str)), options=OPTIONS)


@pytest.mark.parametrize(
    ("kind", "remedy"), [("labelled", "groups.csv has to say"), ("blend", "give blend a larger share")]
)
def test_a_kind_of_one_group_is_refused_though_others_have_many(kind, remedy):
    features, target, groups, kinds = kinds_table(90)
    expected = rf"fakes of kind {kind} .* are of 1 group, fewer than the 3 folds \(train.folds\); {remedy}"
    with pytest.raises(UserError, match=expected):
        fit(
            features,
            target,
            np.where(kinds == kind, "one", groups),
            kinds=kinds,
            logits=LOGITS,
            options=OPTIONS,
        )
