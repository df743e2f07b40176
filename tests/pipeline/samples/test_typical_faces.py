"""The typical real face: which images it is the mean of."""

from __future__ import annotations

import pandas as pd
import pytest

from pipeline.samples import typical_faces


def rows(*, calibration):
    splits = ["train"] * 6 + ["calibration"] * 6 * calibration + ["val"] * 6 + ["test"]
    target = [0, 1] * ((len(splits) - 1) // 2) + [None]
    return pd.DataFrame({"split": splits, "target": pd.array(target, dtype="Int8")})


@pytest.mark.parametrize(("calibration", "split"), [(True, "calibration"), (False, "train")])
def test_real_faces_that_no_net_saw_come_first(calibration, split):
    table = rows(calibration=calibration)
    chosen = table.iloc[typical_faces._chosen(table)]
    assert chosen["split"].eq(split).all()
    assert chosen["target"].tolist() == [0, 0, 0]


def test_many_are_thinned_evenly(monkeypatch):
    monkeypatch.setattr(typical_faces, "FACES", 4)
    table = pd.DataFrame({"split": "calibration", "target": pd.array([0] * 12, dtype="Int8")})
    assert typical_faces._chosen(table).tolist() == [0, 3, 6, 9]
