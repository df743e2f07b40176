"""Stages evaluate and report, run on a made-up table and a real stacker, down to the page."""

from __future__ import annotations

import base64
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pandas as pd
import pytest
import yaml

from models.bundle import Bundle
from models.stacker import training
from models.stacker.novelty import Novelty
from pipeline import evaluate, manifest, report, summary
from pipeline.reporting import html, radial_spectrum, worst_errors
from pipeline.runtime import params
from pipeline.samples.feature_table import Table

ODD = "beta <b>&$x$"  # a source that breaks HTML and mathtext unless it is escaped
BLOCKS = {
    "face": ["face.found", "face.prob"],
    "radial": [f"radial.bin_{i:02d}" for i in range(8)] + ["radial.slope_low"],
    "embed_tiny": ["embed_tiny.000", "embed_tiny.001"],
    "net_rgb": ["net_rgb.labelled"],
}
COLUMNS = [column for columns in BLOCKS.values() for column in columns]
OPTIONS = params.Train(
    folds=3, num_boost_round=30, early_stopping=10, learning_rate=0.1, feature_fraction=1.0
)


def made_up(split, n, *, sources=("alpha", ODD), seed=0, strength=2.0):
    """A table of n images, two to a group, the useful columns net_rgb.labelled and radial.bin_05."""
    generator = np.random.default_rng(seed)
    target = np.arange(n) // 2 % 2
    values = pd.DataFrame(generator.normal(size=(n, len(COLUMNS))), columns=COLUMNS)
    values["net_rgb.labelled"] += strength * target
    values["radial.bin_05"] += strength / 2 * target
    values["face.found"] = (np.arange(n) % 10 > 0).astype(float)
    rows = pd.DataFrame(
        {
            "img_name": [f"{split}<{i}>.png" for i in range(n)],
            "path": [f"images/{split}_{i}.png" for i in range(n)],
            "split": split,
            "target": pd.array(target, dtype="Int8"),
            "group": [f"{split}{i // 2}" for i in range(n)],
            "source": [sources[i // 4 % len(sources)] for i in range(n)],
            "sha256": [f"{split}{i:060d}" for i in range(n)],
            "width": np.int32(40),
            "height": np.int32(30),
            "status": "ok",
            "detail": "",
            "line": np.arange(n, dtype=np.int32) + 2,
            "found": values["face.found"],
            "n_faces": values["face.found"],
            "prob": 0.99,
            "key": [f"{split}{i}" for i in range(n)],
        }
    )
    return Table(rows, values.astype(np.float32), BLOCKS, {})


def pretend(monkeypatch, folder, *, train, val, audit="ok"):
    """A working directory with all that evaluate and report read."""
    monkeypatch.chdir(folder)
    for name in ("cache", "reports", "images"):
        (folder / name).mkdir(exist_ok=True)
    raw = yaml.safe_load((Path(params.__file__).parents[2] / "params.yaml").read_text(encoding="utf-8"))
    raw["evaluate"] = {"bootstrap": 30, "seed": 0, "ablation_num_boost_round": 20}
    raw["report"] = {"top": 4, "errors": 4, "permutation_repeats": 2, "seed": 0}
    Path("params.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")
    target = train.rows["target"].to_numpy(np.int64)
    model = training.fit(train.features, target, train.rows["group"].to_numpy(str), options=OPTIONS)
    train.rows[["sha256", "img_name"]].assign(score=model.oof).to_parquet("cache/oof.parquet")
    novelty = Novelty.fit(train.features.to_numpy(np.float32), seed=0)
    bundle = Bundle(folder, bundle_info(train, model), model, novelty, "cpu")
    costs = pd.DataFrame({"block": list(BLOCKS)[:-1], "ms": [1.25, 2.5, 20.0]})
    monkeypatch.setattr(evaluate.cost, "measure", lambda *_: costs)
    tables = {"train": train, "val": val}
    for stage in (evaluate, report):
        monkeypatch.setattr(stage, "Bundle", SimpleNamespace(load=lambda *_, **__: bundle))
        monkeypatch.setattr(stage, "read_table", lambda splits, names: tables[splits[0]])
    write_audit(audit)
    write_manifest(train, val)
    for path in val.rows["path"][::2]:  # every other image has gone since
        cv2.imwrite(path, np.full((30, 40, 3), 90, np.uint8))
    return bundle


def bundle_info(train, model):
    return {
        "blocks": BLOCKS,
        "versions": {"faces": 1, "radial": 1},
        "members": {
            "net_rgb": {
                "model": "tiny",
                "input": "rgb",
                "crop": "aligned",
                "size": 64,
                "origin": "from scratch: <no weights>",
                "members": 3,
            }
        },
        "warnings": ["net_rgb: from scratch: <no weights>"],
        "prior": 0.5,
        "params": {"faces": {"native": 1.2}},
        "training": {
            "images": len(train.rows),
            "fakes": 1,
            "calibration": 0,
            "groups": 1,
            "sources": {},
            "fingerprint": "f00d",
        },
        "stacker": {
            "experts": [{"kind": "labelled", "boosters": len(model.boosters), "weight": 1.0}],
            "slope": 1.0,
            "offset": 0.0,
        },
        "software": {"lightgbm": "4"},
    }


def write_audit(level):
    findings = [{"level": level, "text": f"file size <says> {level}"}, {"level": "ok", "text": "no copies"}]
    facts = [
        {"source": "overall", "facts": "bytes", "images": 9, "auc": 0.6, "most_used": ["n"], "verdict": "ok"},
        {"source": "alpha", "facts": "bytes", "images": 9, "verdict": "too few"},
    ]
    text = json.dumps({"verdict": level, "findings": findings, "file_facts": facts})
    Path("reports/audit.json").write_text(text, encoding="utf-8")


def write_manifest(train, val):
    """As the stage writes it, so that a change of its form is seen here."""
    rows = pd.concat([train.rows, val.rows], ignore_index=True)
    bad = rows.iloc[:1].assign(status="missing_file", detail="not there <here>", img_name="gone & away.png")
    rows = pd.concat([rows, bad], ignore_index=True).assign(
        cluster=lambda r: r["sha256"], listed_in="train_label.txt"
    )
    origin = {
        "root": "data/x",
        "lists": ["a.txt"],
        "val": "listed",
        "groups": "groups.csv",
        "holdout_source": None,
    }
    text = json.dumps(manifest.summarise(rows, origin))
    Path("reports/manifest.json").write_text(text, encoding="utf-8")


def run():
    evaluate.main([])
    report.main([])
    return json.loads(Path("reports/metrics.json").read_text(encoding="utf-8")), Path(
        "reports/report.html"
    ).read_text(encoding="utf-8")


class Reader(HTMLParser):
    """Checks that tags close in order, and collects what the page would load."""

    VOID = frozenset({"meta", "img", "br"})

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.links, self.images = [], [], [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "img":
            self.images.append(attributes)
        self.links += [value for key, value in attrs if key in ("src", "href")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        pretend(patch, folder, train=made_up("train", 240), val=made_up("val", 120, seed=1), audit="red")
        found, text = run()
    return folder, found, text


def test_page_is_self_contained_and_well_formed(finished):
    reader = Reader(finished[2])
    assert not {"script", "link", "iframe"} & set(reader.tags)
    assert all(link.startswith(("data:image/", "#")) for link in reader.links)
    assert "url(" not in finished[2]
    assert all(image["alt"].strip() for image in reader.images)
    targets = {link[1:] for link in reader.links if link.startswith("#")}
    assert targets == set(re.findall(r'<section id="(\w+)"', finished[2]))


def test_names_are_escaped(finished):
    text = finished[2]
    assert ODD not in text
    assert "beta &lt;b&gt;&amp;$x$" in text
    assert "gone &amp; away.png" in text
    assert "<no weights>" not in text


def test_findings_and_warnings_come_before_any_auc(finished):
    text = finished[2][finished[2].index("<body>") :]
    assert text.index("file size &lt;says&gt; red") < text.index("AUC")
    assert text.index("net_rgb: from scratch") < text.index("AUC")
    assert text.index("not to be trusted") < text.index("AUC")


def test_page_and_summary_show_the_figures_of_metrics_json(finished):
    _, found, text = finished
    value = f"{found['val']['overall']['auc']['value']:.3f}"
    assert f"<td>{value}<small>" in text
    lines = summary.main_figures(found)
    assert value in lines
    assert "beta" in lines
    assert "red: file size" in lines


def test_metrics_are_nested_by_rows_and_source(finished):
    found = finished[1]
    assert set(found["val"]["by_source"]) == {"alpha", ODD}
    assert found["val"]["overall"]["n"] == 120
    assert found["val"]["overall"]["groups"] == 60
    assert found["train_oof"]["overall"]["n"] == 240
    assert found["audit"] == {"verdict": "red", "red": ["file size <says> red"]}
    assert found["val"]["overall"]["auc"]["value"] > 0.8


def test_leave_one_source_out_has_both_kinds_of_blocks(finished):
    held = finished[1]["leave_one_source_out"]
    assert set(held) == {"alpha", ODD}
    for result in held.values():
        assert result["in_train"]
        assert result["all_blocks"]["auc"]["value"] > result["label_free"]["auc"]["value"]
        assert 0.5 < result["all_blocks"]["auc_seen"] <= 1
    table = pd.read_csv(finished[0] / "reports/leave_one_source_out.csv")
    assert set(table["blocks"]) == {"all_blocks", "label_free"}
    assert table["auc_low"].notna().all()


def test_ablation_misses_the_net_and_knows_it_alone(finished):
    table = pd.read_csv(finished[0] / "reports/ablation.csv")
    whole = table[table["source"] == "(overall)"].set_index("block")
    assert set(whole.index) == set(BLOCKS)
    assert whole["drop_effect"].idxmin() == "net_rgb"
    assert whole.loc["net_rgb", "drop_high"] < 0
    assert whole["auc_only"].idxmax() == "net_rgb"
    assert whole.loc["face", "auc_only"] == pytest.approx(0.5, abs=0.15)


def test_importance_tables_name_the_net_first(finished):
    blocks = pd.read_csv(finished[0] / "reports/importance_blocks.csv")
    features = pd.read_csv(finished[0] / "reports/importance_features.csv")
    assert blocks["block"].iloc[0] == "net_rgb"
    assert features["feature"].iloc[0] == "net_rgb.labelled"
    assert features["auc_drop"].notna().sum() == 4
    assert blocks["auc_drop"].notna().all()


def test_scores_hold_val_and_out_of_fold_train(finished):
    table = pd.read_parquet(finished[0] / "cache/scores.parquet")
    assert table.groupby("fold_out").size().to_dict() == {False: 120, True: 240}
    assert table["score"].between(0, 1).all()


def test_plot_files_are_what_dvc_reads(finished):
    plots = finished[0] / "reports/plots"
    heads = {path.stem: list(pd.read_csv(path).columns) for path in plots.glob("*.csv")}
    assert heads == {
        "roc": ["fpr", "tpr"],
        "pr": ["recall", "precision"],
        "calibration": ["n", "mean_score", "share_fake", "low", "high"],
        "histogram": ["score", "real", "fake"],
    }


def test_sheet_shows_thumbnails_and_says_which_image_is_gone(finished):
    text = finished[2][finished[2].index('id="errors"') : finished[2].index('id="data"')]
    assert "Real faces with the highest scores" in text
    assert "data:image/jpeg" in text or "is not there" in text


def test_same_inputs_same_bytes(finished, monkeypatch, tmp_path):
    pretend(monkeypatch, tmp_path, train=made_up("train", 240), val=made_up("val", 120, seed=1), audit="red")
    found, text = run()
    assert found == finished[1]
    assert text == finished[2]


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("one source", "All images come from one source"),
        ("tiny", "nothing can be ranked"),
        ("empty", "No labelled val image"),
        ("unlabelled", "no labelled image here"),
        ("no errors", "No val image to show is on the wrong side"),
        ("unseen", "has no training image"),
    ],
)
def test_poor_val_sets_still_give_a_page(monkeypatch, tmp_path, case, said):
    one = {"sources": ("alpha",)}
    train, val = made_up("train", 60, strength=12, **one), made_up("val", 40, seed=1, strength=12, **one)
    if case in ("tiny", "empty"):
        size = {"tiny": 2, "empty": 0}[case]
        val = Table(val.rows[:size], val.features[:size], BLOCKS, {})
    if case == "unlabelled":
        val.rows["target"] = pd.array([None] * 40, dtype="Int8")
    if case == "unseen":
        val.rows["source"] = ODD
    pretend(monkeypatch, tmp_path, train=train, val=val)
    _, text = run()
    Reader(text)
    assert said in text
    assert "nan" not in re.sub(r"base64,[^\"]+", "", text).lower().replace("finance", "")


def test_manifest_without_audit_is_said(monkeypatch, tmp_path):
    pretend(monkeypatch, tmp_path, train=made_up("train", 60), val=made_up("val", 40, seed=1))
    Path("reports/audit.json").write_text("{}", encoding="utf-8")
    monkeypatch.setattr(evaluate, "audit_verdict", lambda path: {})
    found, text = run()
    assert "The audit has not run, so a leak of the labels is not ruled out" in text
    assert "audit: not run" in summary.main_figures(found)


def test_summary_says_what_is_missing_and_then_where_things_are(finished, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    assert summary.main([]) == 2
    assert "prediction.txt, reports/report.html, reports/metrics.json not found in" in capsys.readouterr().err
    monkeypatch.chdir(finished[0])
    Path("prediction.txt").write_text("img_name,y_pred\n", encoding="utf-8")
    assert summary.main([]) == 0
    out = capsys.readouterr().out
    assert str(finished[0] / "prediction.txt") in out
    assert str(finished[0] / "reports/report.html") in out


def test_worst_errors_are_the_furthest_of_each_class():
    scores = pd.DataFrame(
        {
            "target": pd.array([0, 0, 0, 1, 1, 1, None], dtype="Int8"),
            "score": [0.9, 0.6, 0.2, 0.1, 0.4, 0.8, 0.99],
        }
    )
    assert worst_errors.most_confident(scores, 4).index.tolist() == [0, 1, 3, 4]
    assert worst_errors.most_confident(scores, 3).index.tolist() == [0, 1, 3]
    assert worst_errors.most_confident(scores, 0).empty


def test_thumbnail_keeps_proportions_and_never_grows():
    for size, expected in (((400, 200), (160, 80)), ((20, 30), (20, 30)), ((3000, 1), (160, 1))):
        data = worst_errors.thumbnail(np.zeros((*size, 3), np.uint8)).split(",")[1]
        small = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)
        assert small.shape[:2] == expected


def test_bands_find_the_frequency_that_differs():
    table = made_up("val", 400, strength=3)
    use = pd.Series({"radial.bin_05": 3.0, "radial.bin_01": 1.0, "radial.slope_low": 9.0})
    found = radial_spectrum.mean_radial_spectrum(table.rows, table.features, use)
    assert found.frequency[5] == pytest.approx(5.5 / 64)
    assert found.weight.tolist() == [0, 0.25, 0, 0, 0, 0.75, 0, 0]
    assert int(np.abs(found.gaps["alpha"]).argmax()) == 5
    assert found.fake[0][5] - found.real[0][5] == pytest.approx(1.5, abs=0.4)


def test_bands_need_both_classes_and_the_block():
    table = made_up("val", 20)
    use = pd.Series(dtype=float)
    assert radial_spectrum.mean_radial_spectrum(table.rows[:2], table.features[:2], use) is None
    assert radial_spectrum.mean_radial_spectrum(table.rows, table.features[["face.prob"]], use) is None


def test_numbers_are_aligned_and_absent_ones_a_dash():
    assert html.number(1234) == "1,234"
    assert html.number(-0.12345, sign=True) == "\u22120.123"
    assert html.number(0.5, sign=True) == "+0.500"
    assert html.number(float("nan")) == html.number(None) == html.NONE
    assert html.percent(0.1234) == "12.3\u00a0%"
    assert html.figure_cell({"value": 0.5, "low": None, "high": None}).text == "0.500"
