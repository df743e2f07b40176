"""The most confident errors and their thumbnails."""

from __future__ import annotations

import base64

import cv2
import numpy as np
import pandas as pd
import pytest

from pipeline.reporting import worst_errors
from tests.pipeline.hashed import hashed


def table(**changes):
    columns = {
        "img_name": [f"{i}.png" for i in range(7)],
        "path": "nothing.png",
        "sha256": "",
        "source": "alpha",
        "target": pd.array([0, 0, 0, 1, 1, 1, None], dtype="Int8"),
        "score": [0.9, 0.6, 0.2, 0.1, 0.4, 0.8, 0.99],
        "width": 40,
        "height": 30,
    }
    return pd.DataFrame(columns | changes)


def decode(uri):
    head, data = uri.split(",")
    assert head == "data:image/jpeg;base64"
    return cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)


@pytest.mark.parametrize(("count", "rows"), [(4, [0, 1, 3, 4]), (3, [0, 1, 3]), (0, []), (100, [0, 1, 3, 4])])
def test_the_furthest_of_each_class_come_first(count, rows):
    chosen = worst_errors.most_confident(table(), count)
    assert chosen.index.tolist() == rows
    assert list(chosen.columns) == list(table().columns)


def test_ties_keep_the_order_of_the_rows():
    tied = table(score=[0.9, 0.9, 0.9, 0.1, 0.1, 0.1, 0.9])
    assert worst_errors.most_confident(tied, 4).index.tolist() == [0, 1, 3, 4]


@pytest.mark.parametrize(
    ("size", "expected"), [((400, 200), (160, 80)), ((20, 30), (20, 30)), ((3000, 1), (160, 1))]
)
def test_a_thumbnail_keeps_proportions_and_never_grows(size, expected):
    uri = worst_errors.thumbnail(np.zeros((*size, 3), np.uint8))
    assert decode(uri).shape[:2] == expected


def test_a_thumbnail_keeps_its_colour():
    red = np.zeros((40, 40, 3), np.uint8)
    red[..., 0] = 200
    blue, green, red_channel = decode(worst_errors.thumbnail(red))[20, 20]
    assert red_channel > 180 > 40 > max(blue, green)


def test_the_sheet_shows_what_is_there_and_why_the_rest_is_not(tmp_path):
    good, swapped, gone = (str(tmp_path / name) for name in ("good.png", "swapped.png", "gone.png"))
    cv2.imwrite(good, np.full((30, 40, 3), 90, np.uint8))
    cv2.imwrite(swapped, np.full((30, 40, 3), 91, np.uint8))
    rows = table(path=[good, swapped, good, gone, good, good, good], sha256=hashed(good).sha256)
    sheet, unmade = worst_errors.contact_sheet(rows, 4)
    assert [(error.name, error.target, error.score) for error in sheet] == [
        ("0.png", 0, 0.9),
        ("1.png", 0, 0.6),
        ("3.png", 1, 0.1),
        ("4.png", 1, 0.4),
    ]
    assert [error.uri is None for error in sheet] == [False, True, True, False]
    assert decode(sheet[0].uri).shape == (30, 40, 3)
    assert sheet[0].why == ""
    assert "swapped.png has other bytes than in stage manifest" in sheet[1].why
    assert "gone.png is not there" in sheet[2].why
    assert [(item.path, item.status) for item in unmade] == [
        (swapped, "changed_file"),
        (gone, "missing_file"),
    ]
