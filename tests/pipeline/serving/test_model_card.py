"""The card of a bundle: its own facts, and what it is not for."""

from __future__ import annotations

from models.bundle_info import OVERALL, ThresholdInfo
from pipeline.serving.model_card import model_card
from tests.pipeline.reporting.example import bundle_info


def threshold(**changes):
    values = {"source": OVERALL, "rate": 0.05, "fake_above": 0.75, "real_below": None}
    return ThresholdInfo(**(values | {"reals": 70, "fakes": 3, "needed": 59} | changes))


def test_the_card_says_what_the_bundle_is():
    text = model_card(bundle_info(thresholds=[threshold(), threshold(source="cam", fake_above=0.9)]))
    for fact in (
        "50.0% fakes",
        "14 numbers in 4 blocks",
        "net_rgb (tiny, 64 px, 7 models; from scratch: <no weights>)",
        "1,240 images, 620 of them fake, in 300 groups",
        "`f00d`",
        "out of fold on the training images: 0.900",
        "at most 5.0% of real faces score above 0.7500",
        "- net_rgb: from scratch: <no weights>",
        "Not as proof against a person",
    ):
        assert fact in text
    assert "0.9000" not in text


def test_what_is_not_there_is_said():
    text = model_card(bundle_info(nets={}, warnings=[], metrics={"oof_auc": None}))
    assert "nets: none" in text
    assert "not known" in text
    assert "No threshold with a guarantee" in text
    assert "Nothing unusual" in text
