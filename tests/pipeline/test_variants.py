"""Variants: only train images have them, they keep their group, and their key alone decides what is drawn."""

import cv2
import numpy as np
import pandas as pd
import pytest

from pipeline import params
from pipeline.images import like_file
from pipeline.variants import expand, items_of, kind_of

ASKED = params.Variants(degraded=2, blend=1, resynthesis=1)


@pytest.fixture
def rows(tmp_path):
    rng = np.random.default_rng(0)
    for name in "abc":
        picture = cv2.GaussianBlur(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8), (0, 0), 1.5)
        cv2.imwrite(str(tmp_path / f"{name}.png"), picture)
    return pd.DataFrame(
        {
            "path": [str(tmp_path / f"{name}.png") for name in "abc"],
            "split": ["train", "train", "val"],
            "target": pd.array([0, 1, 0], dtype="Int8"),
            "group": ["g", "g", "h"],
            "key": ["ka", "kb", "kc"],
        }
    )


def faces(n):
    return np.full((n, 17), np.nan, np.float32)


def test_reals_get_copies_and_pseudo_fakes_fakes_get_copies_val_nothing(rows):
    made, own = expand(rows, faces(3), ASKED)
    assert made["key"].tolist() == [
        "ka", "ka-degraded0", "ka-degraded1", "ka-blend0", "ka-resynthesis0", "kb", "kb-degraded0", "kb-degraded1", "kc",
    ]  # fmt: skip
    assert made["kind"].tolist() == ["real"] * 3 + ["blend", "resynthesis"] + ["fakes"] * 3 + ["real"]
    assert made["target"].tolist() == [0, 0, 0, 1, 1, 1, 1, 1, 0]
    assert made["group"].tolist() == ["g"] * 8 + ["h"]
    assert len(own) == len(made)


def test_nothing_asked_is_the_rows_themselves(rows):
    made, _ = expand(rows, faces(3), params.Variants(degraded=0, blend=0, resynthesis=0))
    pd.testing.assert_frame_equal(made[rows.columns], rows)


def test_a_fraction_is_drawn_by_the_images_own_key():
    keys = [f"{i:032x}" for i in range(400)]
    rows = pd.DataFrame({"split": "train", "target": pd.array([0] * 400, dtype="Int8"), "key": keys})
    half = params.Variants(degraded=0.5, blend=1.5, resynthesis=0)
    made, _ = expand(rows, faces(400), half)
    variants = made["variant"].value_counts()
    assert 160 <= variants["degraded0"] <= 240
    assert variants["blend0"] == 400
    assert 160 <= variants["blend1"] <= 240
    few, _ = expand(rows.iloc[100:200].reset_index(drop=True), faces(100), half)
    first = made["key"].str[:32].isin(keys[100:200])
    assert few["key"].tolist() == made.loc[first, "key"].tolist()


def test_unlabelled_rows_have_no_kind(rows):
    rows["target"] = pd.array([0, 1, pd.NA], dtype="Int8")
    made, _ = expand(rows, faces(3), ASKED)
    assert made["kind"].iloc[-1] == "unknown"


def test_each_variant_is_its_own_picture_and_the_same_each_time(rows):
    made, own = expand(rows, faces(3), ASKED)
    items = items_of(made, own, keys=made["key"])
    first, second = ([item.read(max_pixels=10**6)[0] for item in items] for _ in range(2))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)
    original = first[0]
    assert all(picture.shape == original.shape for picture in first)
    assert all((picture != original).any() for picture in first[1:5])
    assert (first[1] != first[2]).any()


def test_pseudo_fakes_are_compressed_as_their_original_was(tmp_path):
    """Saved once more they hardly change, but for the half of them that is degraded after it."""
    rng = np.random.default_rng(0)
    picture = cv2.GaussianBlur(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8), (0, 0), 1.5)
    path = tmp_path / "a.jpg"
    cv2.imwrite(str(path), picture, [cv2.IMWRITE_JPEG_QUALITY, 25])
    keys = [f"{i:032x}" for i in range(20)]
    rows = pd.DataFrame({"path": str(path), "split": "train", "target": 0, "group": "g", "key": keys})
    made, own = expand(rows, faces(20), params.Variants(degraded=0, blend=1, resynthesis=1))
    forged = [i for i in items_of(made, own, keys=made["key"]) if i.variant]
    pictures = [item.read(max_pixels=10**6)[0] for item in forged]
    changes = [np.abs(like_file(p, path.read_bytes()).astype(float) - p).mean() for p in pictures]
    assert 10 <= sum(change < 0.5 for change in changes) <= 30


def test_kind_of_a_variant():
    assert [kind_of(name) for name in ("", "degraded12", "blend0")] == ["", "degraded", "blend"]
