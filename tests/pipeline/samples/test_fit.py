"""Fitting a table that images are missing in."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from models.bundle_info import BlockInfo
from models.errors import UserError
from pipeline.runtime.params import Train
from pipeline.samples.feature_table import Table
from pipeline.samples.fit import fit_table
from pipeline.samples.variants import ORIGINAL


def table(left_out):
    """Eight images whose fakes are of one group, too few for the folds."""
    n = 8
    rows = pd.DataFrame(
        {
            "target": [0, 1] * 4,
            "group": [f"g{i}" if i % 2 == 0 else "one" for i in range(n)],
            "source": "all",
            "kind": ["real", "labelled"] * 4,
            "variant": ORIGINAL,
            "partner_of": "",
        }
    )
    blocks = {"radial": BlockInfo(sort="spectral", columns=["radial.a"])}
    features = pd.DataFrame({"radial.a": np.arange(n, dtype=np.float32)})
    return Table(rows, features, blocks, {}, left_out)


def test_what_cannot_be_fitted_says_how_many_images_are_missing():
    with pytest.raises(UserError, match="fewer than the .* folds") as without:
        fit_table(table({}), Train())
    assert "left out" not in str(without.value)
    for left_out, words in (
        ({"a": "gone"}, "1 image is left out"),
        ({"a": "", "b": ""}, "2 images are left out"),
    ):
        with pytest.raises(UserError, match=f"{words}, which cache/issues names: put the files back"):
            fit_table(dataclasses.replace(table({}), left_out=left_out), Train())
