"""Forgeries of the quality bench: each does what it says, and nothing more, to a face whose place is known."""

import cv2
import numpy as np
import pandas as pd
import pytest

from benchmarks.quality import forgeries, table
from benchmarks.quality.forgeries import Eigenfaces, Portrait, between, clone, edited, oval, reenact, swap
from features.views import TEMPLATE, Face

SIDE = 160


def portrait(seed, *, shift=0.0):
    """Smooth random colours and a face in their middle."""
    rng = np.random.default_rng(seed)
    pixels = cv2.resize(
        rng.integers(0, 256, (10, 10, 3), dtype=np.uint8), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC
    )
    landmarks = (TEMPLATE * 0.6 + 0.2 + shift) * SIDE
    box = np.array([40, 30, 120, 130], np.float32)
    return Portrait(pixels, Face(True, 1, 1.0, box, landmarks.astype(np.float32)))


def difference(one, other, where):
    return float(np.abs(one.astype(float) - other)[where].mean())


def test_five_points_give_back_their_affine_map():
    matrix = np.array([[1.2, -0.3, 5.0], [0.2, 0.9, -7.0]])
    there = TEMPLATE @ matrix[:, :2].T + matrix[:, 2]
    np.testing.assert_allclose(between(TEMPLATE, there), matrix, atol=1e-9)


@pytest.mark.parametrize("make", [swap, clone])
def test_another_face_replaces_the_face_alone(make):
    onto, donor = portrait(0), portrait(1, shift=0.05)
    made = make(onto, donor)
    inside = oval(onto.face, onto.pixels.shape, shrink=0.7) > 0.5
    outside = oval(onto.face, onto.pixels.shape, shrink=1.6) == 0
    assert difference(made, onto.pixels, inside) > 8
    assert difference(made, onto.pixels, outside) < 0.05


@pytest.mark.parametrize("make", [swap, clone])
def test_ones_own_face_changes_nothing(make):
    own = portrait(0)
    assert difference(make(own, own), own.pixels, np.s_[:]) < 1.0


def test_a_swap_takes_the_colours_of_its_place():
    onto, donor = portrait(0), portrait(1)
    bright = Portrait(np.clip(donor.pixels.astype(int) + 60, 0, 255).astype(np.uint8), donor.face)
    inside = oval(onto.face, onto.pixels.shape, shrink=0.6) > 0.5
    made = [swap(onto, other)[inside].mean() for other in (donor, bright)]
    assert abs(made[0] - made[1]) < 15


def test_a_warp_moves_the_face_and_leaves_the_corners():
    own = portrait(3)
    made = reenact(own, np.random.default_rng(0))
    assert difference(made, own.pixels, oval(own.face, own.pixels.shape) > 0.5) > 1
    assert difference(made, own.pixels, np.s_[:8, :8]) < 0.5


def test_an_edit_moves_every_part():
    own = portrait(3)
    made = edited(own, np.random.default_rng(0))
    for corner in (np.s_[:40, :40], np.s_[-40:, -40:], np.s_[60:100, 60:100]):
        assert difference(made, own.pixels, corner) > 0.5


def test_eigenfaces_of_a_few_draw_those_and_blur_others():
    known = [portrait(seed) for seed in range(5)]
    model = Eigenfaces.fit(known)
    own, stranger = (model.redraw(p, p) for p in (known[0], portrait(9)))
    inside = oval(known[0].face, known[0].pixels.shape, shrink=0.6) > 0.5
    assert difference(own, known[0].pixels, inside) < 6
    assert difference(stranger, portrait(9).pixels, inside) > 20


def test_every_kind_has_the_same_reals_beside_it(tmp_path, monkeypatch):
    names = [f"{n}.png" for n in range(6)]
    for n, name in enumerate(names):
        cv2.imwrite(str(tmp_path / name), portrait(n).pixels[..., ::-1])
    listed = pd.DataFrame(
        {
            "img_name": names,
            "path": [str(tmp_path / n) for n in names],
            "split": ["train"] * 3 + ["val"] * 3,
            "source": "a",
            "group": names,
            "target": 0,
        }
    )
    monkeypatch.setattr(forgeries, "_portraits", lambda paths: [portrait(int(p[-5])) for p in paths])
    made = forgeries.write(tmp_path / "made", listed)
    assert made["img_name"].str.partition("/")[0].value_counts().to_dict() == dict.fromkeys(
        ("real", "edited", *forgeries.FORGERIES), 3
    )
    assert set(made.loc[made["target"] == 1, "img_name"].str.partition("/")[0]) == set(forgeries.FORGERIES)
    first = {path: cv2.imread(path).tobytes() for path in made["path"]}
    assert first[made["path"][0]] == portrait(3).pixels[..., ::-1].tobytes()
    (tmp_path / "made/rows.parquet").unlink()
    again = forgeries.write(tmp_path / "made", listed)
    assert {path: cv2.imread(path).tobytes() for path in again["path"]} == first


def test_forgeries_are_told_within_their_source():
    scored = pd.DataFrame(
        [
            {"img_name": f"{kind}/{n}", "source": source, "score": score + base + n / 100}
            for source, base in (("a", 0.0), ("b", 5.0))
            for kind, score in (
                ("real", 0),
                ("edited", 0),
                ("swap", 1),
                ("clone", 1),
                ("eigenface", 1),
                ("reenact", -1),
            )
            for n in range(4)
        ]
    )
    told = table.forged(scored)
    assert told == {"swap": 1, "clone": 1, "eigenface": 1, "reenact": 0, "mean": 1, "edited": 0.5}
