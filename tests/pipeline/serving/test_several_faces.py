"""The whole command on a picture of several faces: a row for each, the main one first, and the box of each in the details."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.bundle_files import read_record, write_info
from pipeline import predict
from pipeline.demo.person import draw_person, draw_shot
from pipeline.demo.portrait import draw_portrait
from pipeline.serving import trial
from pipeline.storage.addresses import scoring_code
from tests.fuzz.bundles import write_bundle

SIDES = (260, 220, 180)  # px, of the pictures that lie side by side


def portrait(seed, side):
    rng = np.random.default_rng(seed)
    person, shot = draw_person(rng), draw_shot(rng)
    image = Image.fromarray(draw_portrait(person, shot, rng).image)
    return np.asarray(image.resize((side, side), Image.Resampling.LANCZOS))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A bundle of trees, and pictures of three faces, of one, and of none."""
    folder = tmp_path_factory.mktemp("faces")
    info = write_bundle(folder / "bundle")
    write_info(folder / "bundle", info.model_copy(update={"code": scoring_code(info.blocks)}))
    trial.remember(read_record(folder / "bundle"))
    (folder / "images").mkdir()
    canvas = np.full((max(SIDES) + 20, sum(SIDES) + 20, 3), 120, np.uint8)
    left = 10
    for seed, side in enumerate(SIDES):
        canvas[10 : 10 + side, left : left + side] = portrait(seed, side)
        left += side
    pictures = {"group": canvas, "one": portrait(0, 260), "wall": np.full((200, 200, 3), 120, np.uint8)}
    for name, pixels in pictures.items():
        Image.fromarray(pixels).save(folder / f"images/{name}.png")
    return folder


def call(place, out, *options):
    """Rows of the scores, of the issues and of the details, by name."""
    predict.main(
        [str(place / "images"), "--bundle", str(place / "bundle"), "--out", str(place / out), *options]
    )
    files = (place / f"{Path(out).stem}{end}" for end in (".txt", "_issues.csv", "_details.csv"))
    return [{row["img_name"]: row for row in csv.DictReader(file.read_text().splitlines())} for file in files]


def test_each_face_has_a_row_and_the_main_one_that_of_its_picture(place):
    scores, issues, details = call(place, "every.txt", "--every-face", "--workers", "1")
    assert list(scores) == list(details) == ["group.png", "group.png#2", "group.png#3", "one.png", "wall.png"]
    left = 10
    for number, (name, side) in enumerate(zip(list(details)[:3], SIDES, strict=True), start=1):
        row = details[name]
        x0, y0, x1, y1 = (float(row[key]) for key in ("x0", "y0", "x1", "y1"))
        assert left < (x0 + x1) / 2 < left + side and 10 < (y0 + y1) / 2 < 10 + side  # in its own portrait
        assert 0.3 * side < max(x1 - x0, y1 - y0) < side
        assert (row["face"], row["n_faces"]) == (str(number), "3") and float(row["face_prob"]) > 0.7
        assert f"3 faces: this is number {number}" in issues[name]["warnings"]
        left += side
    assert len({row["y_pred"] for row in list(scores.values())[:3]}) > 1
    assert (
        "faces" not in issues["one.png"]["warnings"]
    )  # it is unlike the drawn numbers that the trees learned
    assert "no face found" in issues["wall.png"]["warnings"]

    alone, remarks, more = call(place, "main.txt", "--workers", "1")
    assert alone == {name: row for name, row in scores.items() if "#" not in name}
    assert more == {name: row for name, row in details.items() if "#" not in name}
    assert "3 faces: the score is that of the main one" in remarks["group.png"]["warnings"]
