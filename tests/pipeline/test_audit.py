"""The stage audit: worst findings first, and what it needs."""

from __future__ import annotations

from pathlib import Path

import cv2
import pandas as pd
import pytest

from pipeline import audit
from pipeline.dataset.findings import ORDER
from pipeline.runtime import command
from pipeline.runtime.engine import Engine
from tests.pipeline.dataset.test_leakage import dataset, noise, seen_again


def test_the_verdict_is_the_worst_finding(tmp_path: Path) -> None:
    leaky, _ = audit.audit(dataset(tmp_path, quality=(85, 92)), engine=Engine(backend="sequential"))
    assert leaky["verdict"] == leaky["findings"][0]["level"] == "red"
    levels = [finding["level"] for finding in leaky["findings"]]
    assert levels == sorted(levels, key=lambda level: ORDER[level])
    assert set(leaky["limits"]) == {"history", "bytes", "pixels"}
    assert leaky["sizes"] == [{"width": 48, "height": 48, "real": 100, "fake": 100}]


def test_a_table_in_one_tenth_of_the_fakes_is_red_though_no_model_sees_it(tmp_path: Path) -> None:
    rows = dataset(tmp_path, count=400)
    for i, path in zip(range(20), rows.loc[rows["target"] == 1, "path"]):
        Path(path).write_bytes(cv2.imencode(".jpg", noise(i), [1, 61])[1].tobytes())
    report, _ = audit.audit(seen_again(rows), engine=Engine(backend="sequential"))
    assert [result["verdict"] for result in report["file_facts"] if result["facts"] == "history"] == ["ok"]
    assert report["verdict"] == "red"
    assert "10.0% of the groups of fake images and in 0.0% of those of real" in report["findings"][0]["text"]


def test_val_files_of_another_quality_are_said(tmp_path: Path) -> None:
    rows = pd.concat(
        [
            dataset(tmp_path / "a", count=100),
            dataset(tmp_path / "b", count=100, quality=(60, 60)).assign(split="val"),
        ],
        ignore_index=True,
    )
    report, _ = audit.audit(rows, engine=Engine(backend="sequential"))
    assert any(
        "val files have another history than train's: AUC 1.000" in f["text"] for f in report["findings"]
    )


def test_a_folder_is_audited_before_any_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = dataset(tmp_path / "data" / "trainset", count=80, quality=(85, 92))
    names = [Path(path).name for path in rows["path"]]
    pd.DataFrame({"img_name": names, "target": rows["target"]}).to_csv(
        tmp_path / "data" / "train_label.txt", index=False
    )
    monkeypatch.chdir(tmp_path)
    known = (
        tmp_path / "cache/files/files.parquet"
    )  # what stage manifest knows of the files of another data set
    known.parent.mkdir(parents=True)
    known.write_bytes(b"of another")
    audit.main(["--data", str(tmp_path / "data")])
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("red      file history")
    assert known.read_bytes() == b"of another"


def test_what_a_folder_audit_leaves_out_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = dataset(tmp_path / "trainset", count=20)
    names = [Path(path).name for path in rows["path"]]
    targets = rows["target"].astype(str)
    targets[:2] = "maybe"
    listed = pd.DataFrame({"img_name": [*names, "gone.jpg"], "target": [*targets, "0"]})
    listed.to_csv(tmp_path / "train_label.txt", index=False)
    (tmp_path / "validation_label.txt").write_text("img_name,target\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        audit, "people", lambda rows, **_: ([], [{"level": "unknown", "text": "not looked for"}])
    )
    audit.main(["--data", "."])
    said = capsys.readouterr()
    assert "unknown  not looked for" in said.out.splitlines()
    lines = [line for line in said.err.splitlines() if line.startswith("warning: ")]
    assert lines[0].startswith(
        "warning: 2 of 21 listed images are left out as bad_target, e.g. train_label.txt line 2: target"
    )
    assert lines[1].startswith(
        "warning: 1 of 21 listed images are left out as missing_file, e.g. train_label.txt line 22: "
    )
    assert "gone.jpg" in lines[1]
    assert "validation_label.txt looks like a list and was not used" in lines[2]


def test_what_is_unknown_makes_no_verdict(tmp_path: Path) -> None:
    people = [], [{"level": "unknown", "text": "not looked for"}]
    report, _ = audit.audit(dataset(tmp_path, count=100), people=people, engine=Engine(backend="sequential"))
    levels = [finding["level"] for finding in report["findings"]]
    assert "unknown" in levels
    assert report["verdict"] == next(level for level in levels if level != "unknown")
    assert ORDER[report["verdict"]] != ORDER["unknown"]


def test_copies_across_splits_are_found(tmp_path: Path) -> None:
    rows = dataset(tmp_path, count=20)
    both = pd.concat([rows, rows[:4].assign(split="val")], ignore_index=True)
    report, _ = audit.audit(both, engine=Engine(backend="sequential"))
    assert report["verdict"] == "red"
    assert "4 of 4 val images are exact copies of a train image" in report["findings"][0]["text"]


def test_a_file_that_changed_is_left_out_and_named(tmp_path: Path) -> None:
    rows = dataset(tmp_path, count=20)
    Path(rows["path"][3]).unlink()
    Path(rows["path"][5]).write_bytes(Path(rows["path"][7]).read_bytes())
    _, unmade = audit.audit(rows, engine=Engine(backend="sequential"))
    assert {(item.path, item.status) for item in unmade} == {
        (rows["path"][3], "missing_file"),
        (rows["path"][5], "changed_file"),
    }


def test_the_stage_needs_a_manifest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["audit"])
    with pytest.raises(SystemExit, match="2"):
        command.run("audit")
    assert "params.yaml is not in" in capsys.readouterr().err
    monkeypatch.setattr(audit.params, "load", lambda name: audit.params.Compute())
    with pytest.raises(SystemExit, match="2"):
        command.run("audit")
    assert "cache/manifest.parquet is not here; run `dvc repro`" in capsys.readouterr().err
