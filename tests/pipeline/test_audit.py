"""The stage audit: worst findings first, and what it needs."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from pipeline import audit
from pipeline.runtime import command
from pipeline.runtime.engine import Engine
from tests.pipeline.dataset.test_leakage import dataset


def test_the_verdict_is_the_worst_finding(tmp_path: Path) -> None:
    leaky, _ = audit.audit(dataset(tmp_path, quality=(85, 92)), engine=Engine(backend="sequential"))
    assert leaky["verdict"] == leaky["findings"][0]["level"] == "red"
    levels = [finding["level"] for finding in leaky["findings"]]
    assert levels == sorted(levels, key=lambda level: audit.ORDER[level])
    assert set(leaky["limits"]) == {"history", "bytes", "pixels"}
    assert leaky["sizes"] == [{"width": 48, "height": 48, "real": 100, "fake": 100}]


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
