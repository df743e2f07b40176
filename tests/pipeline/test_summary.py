"""What a finished run prints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline import summary
from tests.pipeline.reporting import example


@pytest.fixture(scope="module")
def evaluation():
    return example.evaluation(example.scores(example.images("val", 80, seed=1), example.images("train", 120)))


def test_figures_are_those_of_the_evaluation(evaluation):
    head, overall, *sources, audit, finding = summary.main_figures(evaluation).splitlines()
    auc = evaluation["val"]["overall"]["auc"]
    assert head.split() == ["val", "images", "AUC", "TPR@FPR=1e-2", "ECE"]
    assert overall.startswith("overall")
    assert f"{auc['value']:.3f} [{auc['low']:.3f}, {auc['high']:.3f}]" in overall
    assert [line.startswith(name) for line, name in zip(sources, ("alpha", "beta"), strict=True)] == [
        True
    ] * 2
    assert audit == "audit: red"
    assert finding.startswith("  red: file size")


def test_rows_without_figures_have_the_reason(evaluation):
    reason = {"n": 3, "reason": "no fake among the rows"}
    changed = {**evaluation, "val": {"overall": reason, "by_source": {}}, "audit": {}}
    _, overall, audit = summary.main_figures(changed).splitlines()
    assert overall.endswith("no fake among the rows")
    assert audit == "audit: not run"


def test_what_is_missing_is_named_and_then_where_things_are(evaluation, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    assert summary.main([]) == 2
    assert (
        "prediction.txt, reports/report.html, reports/evaluation.json not found in" in capsys.readouterr().err
    )
    Path("reports").mkdir()
    Path("reports/evaluation.json").write_text(json.dumps(evaluation), encoding="utf-8")
    for path in ("prediction.txt", "reports/report.html"):
        Path(path).write_text("", encoding="utf-8")
    assert summary.main([]) == 0
    out = capsys.readouterr().out
    assert str(tmp_path / "prediction.txt") in out
    assert str(tmp_path / "reports/report.html") in out
