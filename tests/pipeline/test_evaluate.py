"""The stage evaluate: what it copies and says."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from pipeline import evaluate


def test_audit_verdict_is_copied_with_its_red_findings(tmp_path):
    path = tmp_path / "audit.json"
    assert evaluate.audit_verdict(path) == {}
    findings = [{"level": "red", "text": "leak"}, {"level": "ok", "text": "fine"}]
    path.write_text(json.dumps({"verdict": "red", "findings": findings}), encoding="utf-8")
    assert evaluate.audit_verdict(path) == {"verdict": "red", "red": ["leak"]}


def test_plots_are_of_labelled_rows(tmp_path):
    rows = pd.DataFrame({"target": pd.array([0, 1, 1, None], "Int8"), "score": [0.1, 0.8, 0.6, 0.9]})
    evaluate.write_plots(rows, tmp_path / "plots")
    names = {path.stem for path in (tmp_path / "plots").iterdir()}
    assert names == {"roc", "det", "pr", "calibration", "histogram"}
    counts = pd.read_csv(tmp_path / "plots/histogram.csv")
    assert np.array_equal(counts[["real", "fake"]].sum(), [1, 2])


def test_help_says_what_is_read_and_written(capsys):
    with pytest.raises(SystemExit, match="0"):
        evaluate.main(["--help"])
    text = capsys.readouterr().out
    assert "reports/metrics.json" in text
    assert "reports/evaluation.json" in text
