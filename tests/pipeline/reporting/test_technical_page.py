"""The technical report: the challenge's order, filled from the run's own files."""

from __future__ import annotations

import pytest

from pipeline.reporting import rendering, run_record, technical_page
from pipeline.reporting.run_record import RunRecord
from tests.pipeline.reporting.example import SCRIPT, bundle_info, report_data, tables, texts

pytestmark = pytest.mark.usefixtures("undrawn")
ORDER = ["Data", "Method", "Training", "Results", "Ablation", "Runtime", "Reproducibility"]


def run(**changes):
    values = {
        "settings": {
            "data": {"root": "data/x"},
            "train": {"seed": 3, "folds": 5},
            "finetune": {"seed": 0, "nets": {"face": {"model": f"m{SCRIPT}", "weights": None}}},
        },
        "outputs": [("train", "cache/model", "abc.dir")],
        "commit": "c0ffee",
        "machine": "a CPU, 2 cores",
        "python": "3.13.1",
        "bundle_bytes": 2_500_000,
        "seconds": 0.25,
        "timed": 16,
    }
    return RunRecord(**(values | changes))


@pytest.fixture
def composed(undrawn):
    return technical_page.compose(
        report_data(info=bundle_info(files={"novelty.safetensors": "f" * 64})), run()
    )


def test_the_sections_are_those_of_the_challenge_in_their_order(composed):
    assert [section.title for section in composed.sections] == [
        f"{n} {t}" for n, t in enumerate(ORDER, start=1)
    ]


def test_it_has_the_figures_of_the_report(composed):
    results = composed.sections[3]
    assert "Main figures" in texts(results)
    assert tables(results)[0].rows[0][0] == "val, overall"


def test_settings_are_those_in_force(composed):
    rows = dict(tables(composed.sections[2])[0].rows)
    assert rows["finetune.nets.face.weights"] == "–"
    assert rows["train.folds"] == "5"


def test_runtime_is_measured_or_absent(composed):
    assert any("takes 0.25 s in one process" in text for text in texts(composed.sections[5]))
    without = technical_page.compose(report_data(), run(seconds=None, timed=0))
    assert not any("in one process" in text for text in texts(without.sections[5]))


def test_everything_that_makes_it_again_is_named(composed):
    section = composed.sections[6]
    words = " ".join(texts(section))
    for fact in ("c0ffee", "3.13.1", "train.seed = 3, finetune.seed = 0", "f00d", "lightgbm 4.7.0"):
        assert fact in words
    bundle, outputs = tables(section)
    assert bundle.rows == [["novelty.safetensors", "f" * 64]]
    assert outputs.rows == [["train", "cache/model", "abc.dir"]]
    code = next(element for element in section.elements if element.macro == "code")
    assert "make repro DATA=data/x" in code.text


def test_it_renders_escaped(composed):
    text = rendering.render(composed, "zh")
    assert SCRIPT not in text
    assert "可重现性" in text


def test_without_dvc_or_git_the_record_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert run_record._outputs(tmp_path / "dvc.lock") == []
    assert run_record._commit() == ""
    composed = technical_page.compose(report_data(), run(commit="", outputs=[]))
    assert "Commit of the code: not known." in texts(composed.sections[6])
    assert len(tables(composed.sections[6])) == 1


def test_outputs_are_those_of_dvc_lock(tmp_path):
    lock = tmp_path / "dvc.lock"
    lock.write_text(
        "schema: '2.0'\nstages:\n  train:\n    cmd: x\n    outs:\n    - path: cache/model\n      md5: abc\n"
    )
    assert run_record._outputs(lock) == [("train", "cache/model", "abc")]
