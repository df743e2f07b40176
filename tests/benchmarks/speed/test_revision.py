"""The blocks of two revisions side by side."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import features
import features.spectral
from benchmarks.speed import revision
from benchmarks.speed.revision import compare, differences, here, load
from features.spectral import blocks
from features.views import Face, plan_crop
from tests.features.pictures import textured

NONE = np.full(4, np.nan, np.float32), np.full((5, 2), np.nan, np.float32)


@pytest.fixture(name="faces")
def faces_fixture():
    pixels = textured(96, 96)
    face = Face(False, 0, float("nan"), *NONE)
    return [(pixels, face, plan_crop(face, height=96, width=96, native=1.2, context=2.0, aligned=1.6))]


@pytest.fixture(name="copied")
def copied_fixture(tmp_path):
    """A copy of features/ in which white noise of another floor is read."""
    shutil.copytree(Path(features.__file__).parent, tmp_path / "features")
    moments = tmp_path / "features" / "moments.py"
    moments.write_text(moments.read_text().replace("LOG_FLOOR = 1e-2", "LOG_FLOOR = 1e-1"))
    return tmp_path


def test_the_other_package_is_loaded_beside_ours(copied, faces):
    theirs = load(copied)
    apart = differences(theirs, faces, list(blocks()))
    assert apart["srm"][0] > 1e-4 and apart["radial"] == (0.0, 1.0)
    assert differences(here, faces, ["srm"])["srm"] == (0.0, 1.0)
    assert revision.features.spectral is features.spectral


def test_a_number_that_one_lacks_is_infinitely_far(faces):
    def lacking(cut, names):
        return {name: np.full_like(values, np.nan) for name, values in here(cut, names).items()}

    assert differences(lacking, faces, ["radial"])["radial"][0] == np.inf


def test_table_has_every_block_and_the_share(copied, faces):
    text = compare(load(copied), faces, rounds=1, revision="before")
    assert all(f"| {name} |" in text for name in (*blocks(), "all"))
    assert "of the time of before" in text
