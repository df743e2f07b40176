"""What a run's experts and nets find: every opinion has a line, and each is measured by itself."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from benchmarks.quality.experts import opinions, table
from benchmarks.quality.families import FAMILIES, REAL


def test_score_experts_and_nets_have_a_column_each():
    """A bundle whose numbers are the picture's brightness, times another factor each."""

    def predict(features):
        return [
            SimpleNamespace(score=light / 100, log_likelihood_ratios={"labelled": 3 * light, "blend": -light})
            for light in features["net_a.labelled"]
        ]

    bundle = SimpleNamespace(
        features=lambda pixels: (
            pd.DataFrame({"radial.x": 0.0, "net_a.labelled": [p.mean() for p in pixels]}),
            [],
        ),
        predict=predict,
        kinds=["labelled", "blend"],
        info=SimpleNamespace(blocks_of=lambda sort: {"net_a": SimpleNamespace(columns=["net_a.labelled"])}),
    )
    said = opinions(bundle, [np.full((4, 4, 3), light, np.uint8) for light in (10, 20)])
    assert said.to_dict("list") == {
        "score": [0.1, 0.2],
        "expert labelled": [30.0, 60.0],
        "expert blend": [-10.0, -20.0],
        "net_a.labelled": [10.0, 20.0],
    }


def test_each_line_is_of_one_opinion_under_each_condition():
    families = [REAL, next(iter(FAMILIES))]
    rows = pd.DataFrame(
        [
            {"img_name": f"{kind}/{n}", "source": "a", "group": str(n), "target": int(kind != REAL)}
            for kind in families
            for n in range(3)
        ]
    )
    found = rows["target"].astype(float)
    lines = list(
        table(
            [
                rows.assign(score=found, **{"expert blend": 1 - found}),
                rows.assign(score=0.5, **{"expert blend": found}),
            ]
        )
    )
    assert lines[0] == f"| | {families[1]} | mean |"
    assert lines[2:] == [
        "| score | 1.000, 0.500 | 1.000, 0.500 |",
        "| expert blend | 0.000, 1.000 | 0.000, 1.000 |",
    ]
