"""Slices of scored images, and the command that writes them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from models.errors import UserError
from pipeline import export
from pipeline.evaluation.metrics import auc
from pipeline.evaluation.slices import scored_images, slice_figures, slices_of


def scores(n=40):
    generator = np.random.default_rng(0)
    target = np.arange(n) % 2
    return pd.DataFrame(
        {
            "img_name": [f"{i}.JPG" if i % 4 else f"{i}.png" for i in range(n)],
            "path": [f"p/{i}" for i in range(n)],
            "split": "val",
            "source": np.where(np.arange(n) < n // 2, "a", "b"),
            "group": [f"g{i // 2}" for i in range(n)],
            "target": pd.array(target, dtype="Int8"),
            "score": np.clip(generator.normal(0.4 + 0.3 * target, 0.2), 0, 1),
            "novelty": np.linspace(0, 1, n),
            "llr_labelled": 1.0,
            "llr_blend": np.where(np.arange(n) < 5, 2.0, -1.0),
            "found": np.where(np.arange(n) == 0, 0.0, 1.0),
            "n_faces": np.where(np.arange(n) == 1, 2.0, 1.0),
            "prob": 0.9,
            "width": np.where(np.arange(n) == 2, 100, 300),
            "height": 600,
            "fold_out": False,
        }
    )


def test_slices_are_by_what_may_make_an_image_harder():
    found = slices_of(scores())
    assert found["by_face"].iloc[:3].tolist() == ["none", "several", "one"]
    assert found["by_size"].iloc[1:4].tolist() == ["256-511", "below 128", "256-511"]
    assert found["by_ending"].iloc[:2].tolist() == [".png", ".jpg"]
    assert found["by_novelty"].iloc[[0, -1]].tolist() == ["below 0.5", "from 0.999"]
    assert found["by_likest_kind"].iloc[[0, 9]].tolist() == ["blend", "labelled"]
    unlike = slices_of(scores().assign(llr_labelled=-1.0, llr_blend=np.nan))
    assert set(unlike["by_likest_kind"]) == {"none"}


def test_figures_of_a_slice_are_those_of_its_images():
    table = scores()
    figures = slice_figures(table).set_index(["slice", "value"])
    assert figures.loc[("overall", "all"), "images"] == 40
    of_a = table[table["source"] == "a"]
    row = figures.loc[("by_source", "a")]
    assert row["auc"] == pytest.approx(auc(of_a["target"].to_numpy(int), of_a["score"]))
    assert row["fake_missed"] == pytest.approx((of_a["score"][of_a["target"] == 1] < 0.5).mean())
    assert figures.loc[("by_face", "none"), "fake"] == 0
    assert np.isnan(figures.loc[("by_face", "none"), "auc"])


def test_rows_without_a_label_or_score_are_in_no_figure_but_in_the_table():
    table = scores()
    table.loc[0, "target"] = pd.NA
    table.loc[1, "score"] = np.nan
    assert slice_figures(table)["images"].iloc[0] == 38
    images = scored_images(table)
    assert len(images) == 40
    assert images["log_loss"].isna().tolist() == [True, True] + [False] * 38
    assert {"face_found", "out_of_fold", "by_source"} <= set(images)


def test_the_command_writes_both_tables(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"cache/scores\.parquet is not here; run `dvc repro` first"):
        export.main([])
    (tmp_path / "cache").mkdir()
    train = scores().assign(fold_out=True, split="train")
    pd.concat([scores(), train]).to_parquet("cache/scores.parquet")
    export.main(["--out", "tables"])
    assert len(pd.read_csv("tables/scores.csv")) == 80
    assert pd.read_csv("tables/slices.csv")["images"].iloc[0] == 40
    assert capsys.readouterr().out.startswith("80 images in tables/scores.csv, ")
