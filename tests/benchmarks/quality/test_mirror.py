"""A net is run both ways over the same pictures, and what it gains is a difference on the same faces."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from benchmarks.quality.mirror import Both, both, compare, shown


class Net:
    """Its logit is the mean of the left half's pixels, or of both halves' with the mirror image."""

    mirror = True

    def __call__(self, crops):
        width = crops[0].shape[1]
        rows = [crop[:, : width if self.mirror else width // 2].mean() for crop in crops]
        return np.array(rows, np.float32)[:, None]


def test_a_net_runs_both_ways_and_stays_as_it_was():
    net, pictures = Net(), np.random.default_rng(0).integers(0, 256, (5, 4, 4, 3), np.uint8)
    logits = both(net, iter([list(pictures[:3]), list(pictures[3:])]))
    np.testing.assert_allclose(logits.plain[:, 0], pictures[:, :, :2].mean((1, 2, 3)), rtol=1e-6)
    np.testing.assert_allclose(logits.mirrored[:, 0], pictures.mean((1, 2, 3)), rtol=1e-6)
    assert net.mirror


def test_each_logit_and_the_score_have_a_line():
    target = np.tile([0, 1], 40)
    sure, unsure = (np.where(target, 1, -1)[:, None] * s for s in (1.0, 0.0))
    bundle = SimpleNamespace(
        info=SimpleNamespace(blocks={"net_a": SimpleNamespace(columns=["net_a.labelled"])}),
        stacker=SimpleNamespace(predict=lambda features: features["net_a.labelled"].to_numpy()),
    )
    features = pd.DataFrame({"b.x": np.zeros(80), "net_a.labelled": np.zeros(80)})
    rows = pd.DataFrame({"target": target, "group": np.arange(80).astype(str)})
    lines = compare(bundle, "net_a", Both(unsure, sure, 0.8, 1.6), features=features, rows=rows)
    assert [line.split(" | ")[1:4] for line in lines] == [
        ["net_a.labelled", "0.5000", "1.0000"],
        ["score", "0.5000", "1.0000"],
        ["ms a picture", "10.00", "20.00"],
    ]
    assert "+0.5000" in lines[0]


def test_a_difference_without_an_interval_says_so():
    assert shown({"value": 0.25, "low": None, "high": None}) == "+0.2500 (? to ?)"
