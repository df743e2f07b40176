"""Stage report: from the files of the stages before to the page."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pandas as pd
import pytest

from pipeline import report
from pipeline.runtime import params
from tests.pipeline.reporting import example

OPTIONS = params.Report(top=4, errors=4, permutation_repeats=2, seed=0)


@pytest.fixture(scope="module")
def stacker():
    return example.stacker()


def table_of(val):
    """What the stage reads of a table: rows and features."""
    rows, features = val
    return SimpleNamespace(rows=rows, features=features)


def run(monkeypatch, folder, stacker, *, val, sources=("alpha", example.ODD_SOURCE)):
    """Run the stage in a folder with all that it reads; the text of the page."""
    monkeypatch.chdir(folder)
    for name in ("cache", "reports", "images"):
        (folder / name).mkdir(exist_ok=True)
    scores = example.scores(val, example.images("train", 60, sources=sources))
    picture = cv2.imencode(".png", np.full((30, 40, 3), 90, np.uint8))[1].tobytes()
    scores.assign(sha256=hashlib.sha256(picture).hexdigest()).to_parquet("cache/scores.parquet")
    example.effects().to_csv("reports/ablation.csv", index=False)
    example.stability().to_csv("reports/importance_stability.csv", index=False)
    example.learning().to_csv("reports/learning_curve.csv", index=False)
    written = {
        "evaluation": example.evaluation(scores),
        "audit": example.audit(),
        "manifest": example.manifest(),
    }
    for name, content in written.items():
        Path(f"reports/{name}.json").write_text(json.dumps(content), encoding="utf-8")
    for path in val[0]["path"][::2]:  # every other image is gone since
        Path(path).write_bytes(picture)
    bundle = SimpleNamespace(info=example.bundle_info(), stacker=stacker)
    monkeypatch.setattr(report, "load_bundle", lambda *_: bundle)
    monkeypatch.setattr(report, "read_table", lambda splits, blocks: table_of(val))
    monkeypatch.setattr(report.params, "load", lambda section: {"report": OPTIONS}[section])
    report.main([])
    return Path("reports/report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def finished(tmp_path_factory, stacker):
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        text = run(patch, folder, stacker, val=example.images("val", 80, strength=1.0, seed=1))
    return folder, text


def test_page_shows_the_figures_of_evaluation_json(finished):
    folder, text = finished
    evaluation = json.loads((folder / "reports/evaluation.json").read_text(encoding="utf-8"))
    auc = evaluation["val"]["overall"]["auc"]
    assert f"<td>{auc['value']:.3f}<small>{auc['low']:.3f}–{auc['high']:.3f}</small></td>" in text


def test_names_from_files_are_escaped(finished):
    text = finished[1]
    assert text.count("<script") == 1
    assert re.search(r"<figcaption>val\d+&lt;script&gt;alert\(&#39;x&#39;\)&lt;/script&gt;\.png<br>", text)
    assert "beta &#34;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&#34; &amp;$x$" in text
    assert "gone &#34;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&#34; &amp; away.png" in text
    assert "from scratch: &lt;no weights&gt;" in text


def test_importance_tables_name_the_net_first(finished):
    blocks = pd.read_csv(finished[0] / "reports/importance_blocks.csv")
    features = pd.read_csv(finished[0] / "reports/importance_features.csv")
    clusters = pd.read_csv(finished[0] / "reports/importance_clusters.csv")
    assert blocks["block"].iloc[0] == "net_rgb"
    assert features["feature"].iloc[0] == clusters["cluster"].iloc[0] == "net_rgb.labelled"
    assert clusters["auc_drop"].notna().sum() == OPTIONS.top
    assert blocks["auc_drop"].notna().all()
    assert blocks["auc_drop_low"].iloc[0] > 0, "the net's; where few groups differ there is no interval"


def test_page_shows_the_spectrum_and_the_importance_of_this_model(finished):
    assert "Worked out on 80 val images. net_rgb moves the score most" in finished[1]
    assert "Most used, in cycles per pixel: " in finished[1]


def test_sheet_shows_thumbnails_and_says_which_image_is_gone(finished):
    text = finished[1]
    sheet = text[text.index('id="errors"') : text.index('id="data"')]
    assert "Real faces with the highest scores" in sheet
    assert "data:image/jpeg" in sheet
    assert '<div class="none">' in sheet


def test_images_without_a_thumbnail_are_named_in_the_issues(finished):
    lines = (finished[0] / "cache/issues/report.csv").read_text().splitlines()
    assert lines[0] == "path,status,detail"
    assert len(lines) > 1
    assert all(",missing_file," in line for line in lines[1:])


def test_same_inputs_same_bytes(finished, monkeypatch, tmp_path, stacker):
    text = run(monkeypatch, tmp_path, stacker, val=example.images("val", 80, strength=1.0, seed=1))
    assert text == finished[1]


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("one source", "All images come from one source"),
        ("tiny", "overall: "),
        ("empty", "No labelled val image"),
        ("unlabelled", "No val image, so only gain is known"),
    ],
)
def test_poor_val_sets_still_give_a_page(monkeypatch, tmp_path, stacker, case, message):
    sources = ("alpha",) if case == "one source" else ("alpha", example.ODD_SOURCE)
    rows, features = example.images("val", 40, sources=sources, seed=1)
    size = {"tiny": 2, "empty": 0}.get(case, 40)
    if case == "unlabelled":
        rows["target"] = pd.array([None] * 40, dtype="Int8")
    val = rows[:size], features[:size]
    text = run(monkeypatch, tmp_path, stacker, val=val, sources=sources)
    assert message in text
    assert "nan" not in re.sub(r"base64,[^\"]+|<script>.*</script>", "", text, flags=re.DOTALL).lower()


def test_many_images_are_explained_by_a_sample(monkeypatch, stacker):
    rows, features = example.images("val", 40, seed=1)
    rows.loc[:9, "target"] = None
    monkeypatch.setattr(report, "MAX_EXPLAINED", 12)
    bundle = SimpleNamespace(stacker=stacker)
    explained = report.explain(bundle, table_of((rows, features)), OPTIONS)
    assert len(explained.rows.target) == 12
    drawn = explained.rows.features.index
    assert drawn.min() >= 10
    assert explained.rows.target.tolist() == rows["target"].loc[drawn].tolist()
    assert explained.contributions.shape == (12, len(example.COLUMNS) + 1)
