"""The command `compare`: from two files to a line, a page and a record."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from pipeline import compare
from pipeline.reporting.comparison_page import answer, most_moved


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Labels of 120 images, and three files of scores: two alike, one better."""
    monkeypatch.chdir(tmp_path)
    generator = np.random.default_rng(0)
    names, target = [f"i{n}.png" for n in range(120)], np.arange(120) % 2
    noise = generator.normal(size=(2, 120))
    pd.DataFrame({"img_name": names, "target": target}).to_csv("labels.txt", index=False)
    for name, value in (
        ("a", noise[0] + target),
        ("same", noise[0] + target),
        ("alike", 0.6 * noise[0] + 0.8 * noise[1] + target),
        ("better", noise[0] + 4 * target),
    ):
        scores = {"img_name": names[::-1], "y_pred": (1 / (1 + np.exp(-value)))[::-1]}
        pd.DataFrame(scores).to_csv(f"{name}.txt", index=False)
    return tmp_path


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ("same", "no difference: A and B give each of 120 images the same score"),
        ("alike", "no difference at 95 %: AUC of B minus A is "),
        ("better", "B is better at 95 %: AUC of B minus A is +"),
    ],
)
def test_one_line_a_page_and_a_record(files, capsys, other, said):
    compare.main(["a.txt", f"{other}.txt", "--labels", "labels.txt", "--resamples", "50"])
    line = capsys.readouterr().out
    assert line.startswith(said)
    assert line.count("\n") == 1
    record = json.loads((files / "comparison.json").read_text(encoding="utf-8"))
    assert record["answer"] == line.strip()
    assert record["comparisons"]["overall"]["n"] == 120
    text = (files / "comparison.html").read_text(encoding="utf-8")
    assert "Images that moved most" in text
    assert "变动最大的图片" in text


def test_images_that_moved_most_come_first():
    rows = pd.DataFrame(
        {
            "img_name": ["a", "b", "c"],
            "target": [0, 1, 1],
            "first": [0.5, 0.5, 0.5],
            "second": [0.9, 0.6, 0.5],
        }
    )
    found = most_moved(rows, 5)
    assert found["img_name"].tolist() == ["a", "b"]
    assert found["nearer"].tolist() == [False, True]
    assert most_moved(rows, 1)["img_name"].tolist() == ["a"]


def test_answers_where_there_is_none():
    comparison = {"n": 10, "groups": 2, "same": False, "auc": None}
    assert answer(comparison, "auc") == "no answer: AUC has no value on these 10 images"
    figure = {"first": 0.5, "second": 0.6, "difference": {"value": 0.1, "low": None, "high": None}}
    assert str(answer(comparison | {"auc": figure}, "auc")).startswith(
        "no answer: AUC differs by +0.1000 (B minus A), but too few of the 10 images in 2 groups decide it"
    )
