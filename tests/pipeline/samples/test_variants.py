"""Variants: only train images have them, they keep their group, and their key alone decides what is drawn."""

import os

import cv2
import numpy as np
import pandas as pd
import pytest

from features.views import TEMPLATE
from pipeline.runtime import params
from pipeline.samples.feature_table import NO_VARIANTS
from pipeline.samples.forging import Forger
from pipeline.samples.variants import VariantPlan, expand, fake_of, items_of, kind_of
from pipeline.storage.face_schema import to_face
from pipeline.storage.hashed_files import ChangedFile
from pipeline.storage.images import recompress_like
from pipeline.storage.row_key import RowKey
from tests.pipeline.hashed import hashed

WANTED = VariantPlan(params.Variants(degraded=2, pseudo_fakes={"blend": 1, "resynthesis": 1}))


@pytest.fixture
def rows(tmp_path):
    rng = np.random.default_rng(0)
    for name in "abc":
        picture = cv2.GaussianBlur(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8), (0, 0), 1.5)
        cv2.imwrite(str(tmp_path / f"{name}.png"), picture)
    return pd.DataFrame(
        {
            "path": [str(tmp_path / f"{name}.png") for name in "abc"],
            "sha256": [hashed(tmp_path / f"{name}.png").sha256 for name in "abc"],
            "split": ["train", "train", "val"],
            "target": pd.array([0, 1, 0], dtype="Int8"),
            "group": ["g", "g", "h"],
            "key": ["ka", "kb", "kc"],
        }
    )


def faces(n):
    return np.full((n, 17), np.nan, np.float32)


def test_reals_get_copies_and_pseudo_fakes_fakes_get_copies_val_nothing(rows):
    made, own = expand(rows, faces(3), WANTED)
    keys = [RowKey.parse(key) for key in made["key"]]
    pseudo = ["blend0", "blend0_real", "resynthesis0", "resynthesis0_real"]
    names = ["", "degraded0", "degraded1", *pseudo, "", "degraded0", "degraded1", ""]
    assert [key.face for key in keys] == ["ka"] * 7 + ["kb"] * 3 + ["kc"]
    assert [key.variant for key in keys] == names
    assert [key.code for key in keys] == [WANTED.code_of(kind_of(name)) for name in names]
    assert len({WANTED.code_of(kind) for kind in ("degraded", "blend", "resynthesis")}) == 3
    kinds = ["real"] * 3 + ["blend", "real", "resynthesis", "real"] + ["labelled"] * 3 + ["real"]
    assert made["kind"].tolist() == kinds
    assert made["partner_of"].tolist() == [""] * 4 + ["blend", "", "resynthesis"] + [""] * 4
    assert made["target"].tolist() == [0, 0, 0, 1, 0, 1, 0, 1, 1, 1, 0]
    assert made["group"].tolist() == ["g"] * 10 + ["h"]
    assert len(own) == len(made)


def test_nothing_asked_is_the_rows_themselves(rows):
    made, _ = expand(rows, faces(3), NO_VARIANTS)
    pd.testing.assert_frame_equal(made[rows.columns], rows)


def test_a_fraction_is_drawn_by_the_images_own_key():
    keys = [f"{i:016x}" * 2 for i in range(400)]
    rows = pd.DataFrame({"split": "train", "target": pd.array([0] * 400, dtype="Int8"), "key": keys})
    half = VariantPlan(params.Variants(degraded=0.5, pseudo_fakes={"blend": 1.5}))
    made, _ = expand(rows, faces(400), half)
    variants = made["variant"].value_counts()
    assert 160 <= variants["degraded0"] <= 240
    assert variants["blend0"] == 400
    assert 160 <= variants["blend1"] <= 240
    more = VariantPlan(params.Variants(degraded=0.5, pseudo_fakes={"blend": 1.5, "resynthesis": 1}))
    assert set(made["key"]) < set(expand(rows, faces(400), more)[0]["key"]), "another kind changes no row"
    few, _ = expand(rows.iloc[100:200].reset_index(drop=True), faces(100), half)
    first = made["key"].str[:32].isin(keys[100:200])
    assert few["key"].tolist() == made.loc[first, "key"].tolist()


def test_unlabelled_rows_have_no_kind(rows):
    rows["target"] = pd.array([0, 1, pd.NA], dtype="Int8")
    made, _ = expand(rows, faces(3), WANTED)
    assert made["kind"].iloc[-1] == "unknown"


def test_each_variant_is_its_own_picture_and_the_same_each_time(rows):
    made, own = expand(rows, faces(3), WANTED)
    items = items_of(made, own, WANTED)
    first, second = ([item.read(max_pixels=10**6)[0] for item in items] for _ in range(2))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)
    different = {(picture.shape, picture.tobytes()) for picture in first[:7]}
    assert len(different) >= 6  # a real partner may be the very picture, where its file is lossless


def test_every_variant_refuses_another_file_under_the_name(rows, tmp_path):
    """The same size and the same time do not make it the same file."""
    path = tmp_path / "a.png"
    before, data = path.stat(), path.read_bytes()
    path.write_bytes(data[:-20] + bytes([data[-20] ^ 1]) + data[-19:])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    made, own = expand(rows.iloc[:1], faces(1), WANTED)
    for item in items_of(made, own, WANTED):
        with pytest.raises(
            ChangedFile, match="a.png has other bytes than in stage manifest; run `dvc repro`"
        ):
            item.read(max_pixels=10**6)
    path.write_bytes(data)
    assert items_of(made, own, WANTED)[0].read(max_pixels=10**6)[0].shape == (64, 64, 3)


def test_a_real_partner_went_the_way_of_its_pseudo_fake(rows):
    """The same size, the same face, and the same pixels where nothing was forged."""
    face = np.r_[1, 1, 0.9, [16, 16, 47, 47], (TEMPLATE * 31 + 16).ravel()].astype(np.float32)
    plan = VariantPlan(params.Variants(degraded=0.01, pseudo_fakes={"blend": 12}))
    made, own = expand(rows.iloc[:1], np.stack([face]), plan)
    items = items_of(made, own, plan)[1:]
    for fake, real in zip(items[::2], items[1::2], strict=True):
        assert fake_of(real.key) == fake.key
        (forged, face_of_fake), (partner, face_of_real) = (
            item.read(max_pixels=10**6) for item in (fake, real)
        )
        assert forged.shape == partner.shape
        np.testing.assert_array_equal(face_of_fake.landmarks, face_of_real.landmarks)
        gap = np.abs(forged.astype(float) - partner).mean(axis=2)
        assert gap.max() > 0
        assert gap[:4, :4].mean() < 6, "a corner far from the face differs by what a lossy file does, at most"


def test_half_of_the_pairs_are_left_as_they_were_saved_and_no_copy_is(rows):
    plan = VariantPlan(params.Variants(degraded=20, pseudo_fakes={"resynthesis": 20}))
    made, own = expand(rows.iloc[:1], faces(1), plan)
    items = items_of(made, own, plan)
    original = items[0].read(max_pixels=10**6)[0]
    same = {"degraded": [], "resynthesis": []}
    for item in items[1:]:
        if not item.key.variant.startswith("resynthesis") or item.key.variant.endswith("_real"):
            same[kind_of(item.key.variant)].append(np.array_equal(item.read(max_pixels=10**6)[0], original))
    assert not any(same["degraded"])
    assert 0.2 < np.mean(same["resynthesis"]) < 0.8


def test_the_face_goes_with_a_resampled_picture(rows):
    """Its centre stays the picture's centre, to the shift of a pixel that was drawn with it."""
    face = np.r_[1, 1, 0.9, [16, 16, 47, 47], (TEMPLATE * 31 + 16).ravel()].astype(np.float32)
    plan = VariantPlan(params.Variants(degraded=20, pseudo_fakes={}))
    made, own = expand(rows, np.stack([face] * 3), plan)
    sizes = set()
    for item in items_of(made, own, plan):
        pixels, moved = item.read(max_pixels=10**6)
        height, width = pixels.shape[:2]
        sizes.add((height, width))
        middle = np.array([moved.box[[0, 2]].mean() / width, moved.box[[1, 3]].mean() / height])
        np.testing.assert_allclose(middle, 0.5, atol=0.04)
        eyes = np.linalg.norm(moved.landmarks[0] - moved.landmarks[1]) / width
        assert eyes == pytest.approx(np.linalg.norm(TEMPLATE[0] - TEMPLATE[1]) * 31 / 64, rel=0.03)
    assert len(sizes) > 8


def test_pseudo_fakes_and_partners_are_compressed_as_their_original_was(tmp_path):
    """Saved once more they hardly change."""
    rng = np.random.default_rng(0)
    picture = cv2.GaussianBlur(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8), (0, 0), 1.5)
    path = tmp_path / "a.jpg"
    cv2.imwrite(str(path), picture, [cv2.IMWRITE_JPEG_QUALITY, 25])
    face = to_face(faces(1)[0])
    for kind in ("blend", "resynthesis"):
        for seed in range(6):
            forgery = Forger(kind, max_pixels=10**6).forge(
                hashed(path), face, np.random.default_rng(seed), picture=""
            )
            for made in (forgery.real, forgery.fake):
                assert np.abs(recompress_like(made, path.read_bytes()).astype(float) - made).mean() < 0.5


def test_kind_of_a_variant():
    names = ("", "degraded12", "blend0", "blend0_real")
    assert [kind_of(name) for name in names] == ["", "degraded", "blend", "blend"]
