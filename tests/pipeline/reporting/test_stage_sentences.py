"""Sentences that other stages write, made by those stages: each is known to the catalogue."""

from __future__ import annotations

from html import escape
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.generators import registry
from pipeline.dataset import leakage, pairs, people, purity, repeats, split_shift
from pipeline.dataset.dataset_files import find, warnings
from pipeline.evaluation import intervals, refits
from pipeline.evaluation.auc_interval import too_few_groups
from pipeline.reporting.language import translated
from pipeline.serving import prediction_rows
from pipeline.storage.images import BadImage, read_image
from tests.pipeline.reporting.prose import english

NAMES = ["header_bytes", "width", "cam"]
MEASURED = {"auc": 0.7, "tpr": 0.25, "most_used": ["header_bytes", "width"]}


def rows():
    """Images of all splits, of which val repeats train and one file has both labels."""
    return pd.DataFrame(
        {
            "img_name": list("abcdef"),
            "path": list("abcdef"),
            "sha256": list("aabbcc"),
            "cluster": list("aabbcc"),
            "group": ["g"] * 6,
            "source": "cam",
            "split": ["train", "val", "train", "test", "train", "train"],
            "target": [0, 0, 1, 1, 0, 1],
            "status": "ok",
            "width": 9,
            "height": 9,
        }
    )


def of_audit():
    """Texts of every finding that there is."""
    for source in (leakage.OVERALL, "cam"):
        for facts in leakage.MEANING:
            result = {"source": source, "facts": facts, "images": 9}
            yield leakage.describe(result | {"verdict": "too few"})["text"]
            for verdict in ("ok", "warn", "leak"):
                for used in (["width"], []):
                    whole = result | MEASURED | {"verdict": verdict, "most_used": used}
                    yield leakage.describe(whole)["text"]
    yield purity.describe(
        {"fact": "width", "value": 3.0, "share": 0.1, "other_share": 0.0, "owner": "fake", "level": "red"}
    )["text"]
    for verdict in ("differs", "alike", "too few"):
        result = {"split": "val", "images": 9, "verdict": verdict, **MEASURED}
        yield split_shift.describe(result)["text"]
        yield split_shift.describe(result | {"train_median": 3.0, "median": 4.0})["text"]
    for found in (
        repeats.across_splits(rows(), "sha256", "exact copies"),
        repeats.across_splits(rows(), "cluster", "near-duplicates"),
        repeats.groups_across_splits(rows()),
        repeats.under_both_labels(rows()),
        pairs.in_train([{"first": {"split": "train"}, "second": {"split": "train"}}], "near-duplicates"),
        people._across(rows(), np.zeros((6, 4), np.float32))[1],
    ):
        assert found
        yield from (finding["text"] for finding in found)
    yield people.NOT_LOOKED


def of_evaluation():
    """Why a figure or its interval is missing."""
    count = 40
    target, groups = np.arange(count) % 2, np.arange(count) // 2
    for y, s, g in (
        (target[:0], target[:0], groups[:0]),
        (target * 0, target, groups),
        (target * 0 + 1, target, groups),
        (target, np.arange(count), groups // 10),
        (target, np.arange(count), groups),
        (np.arange(4000) % 2, np.arange(4000), np.arange(4000) // 8),
    ):
        summary = intervals.summary(y, s, g, resamples=5, seed=0)
        yield from (summary[key] for key in ("reason", "warning") if summary[key])
        figures = (figure for figure in summary.values() if isinstance(figure, dict))
        yield from (figure["note"] for figure in figures if "note" in figure)
    yield too_few_groups((np.ones(2, np.int64), np.ones(3, np.int64)), 1.5)
    few = refits.Rows.of(rows(), pd.DataFrame({"width": np.zeros(6)}))
    for label in (0, 1):
        yield refits.cannot_fit(few.take((few.target != label) | (np.arange(6) < 0)))


def of_scoring():
    """Remarks on a row."""
    yield from (
        prediction_rows.NO_FACE,
        prediction_rows.OUT_OF_DISTRIBUTION,
        f"2 faces: {prediction_rows.MAIN_FACE}",
    )


@pytest.mark.parametrize("made", [of_audit, of_evaluation, of_scoring])
def test_sentences_of_another_stage_have_their_chinese(made):
    texts = set(made())
    missing = {text for text in texts if english(f"<p>{translated(text, 'zh')}</p>", names=NAMES)}
    assert texts
    assert not missing, "add them to templates/zh_stages.json"


def test_warnings_on_lists_have_their_chinese(tmp_path: Path):
    (tmp_path / "train_label.txt").write_text("img_name,target\na.jpg,0\n")
    (tmp_path / "other.txt").write_text("img_name,target\nb.jpg,0\n")
    (tmp_path / "testset").symlink_to(tmp_path / "away.txt")
    found = warnings(find(tmp_path), val_share=0.2)
    assert len(found) == 2
    for text in found:
        assert translated(text, "zh") != text


def test_reasons_of_missing_generators_have_their_chinese(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(registry, "RESTORATION_PACKAGE", "no_such_package")
    for files_of in registry.GENERATORS.values():
        with pytest.raises(registry.GeneratorMissing) as missing:
            files_of(tmp_path)
        text = translated(str(missing.value), "zh")
        assert not english(
            f"<p>{escape(text)}</p>", names=[*NAMES, str(tmp_path), registry.DIFFUSERS_TENSORS]
        )


@pytest.mark.parametrize("content", [None, b"", b"some text\n", b"\0\1\2\3" * 9, b"\xff\xd8\xff\xe0"])
def test_reasons_of_bad_files_have_their_chinese(tmp_path: Path, content):
    path = tmp_path / "a.jpg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadImage) as bad:
        read_image(str(path), max_pixels=10)
    assert translated(bad.value.detail, "zh") != bad.value.detail
