"""What the command of the faults compares, where it says a run was, which cases it makes, and what it calls silent."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.faults.__main__ import cases, noted, summary
from tests.faults.cases import named, silent
from tests.faults.reference import Reference, Repro, fingerprint

STAGES = ["manifest", "faces", "train"]


def test_any_other_byte_or_name_is_seen(tmp_path):
    (tmp_path / "cache/model").mkdir(parents=True)
    (tmp_path / "prediction.txt").write_text("img_name,y_pred\n")
    seen = {fingerprint(tmp_path)}
    (tmp_path / "cache/model/a").write_bytes(b"1")
    seen.add(fingerprint(tmp_path))
    (tmp_path / "cache/model/a").write_bytes(b"2")
    seen.add(fingerprint(tmp_path))
    (tmp_path / "cache/model/a").rename(tmp_path / "cache/model/b")
    seen.add(fingerprint(tmp_path))
    (tmp_path / "prediction.txt").write_text("img_name,y_pred\na,1\n")
    seen.add(fingerprint(tmp_path))
    assert len(seen) == 5
    (tmp_path / "cache/other").write_bytes(b"1")
    assert fingerprint(tmp_path) in seen


@pytest.fixture
def ended(tmp_path):
    """A run that has ended, and what it said."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return Repro(process, tmp_path / "log")


def test_the_stage_is_the_last_that_was_begun(ended):
    ended.log.write_text("")
    assert ended.stage == "before the first"
    ended.log.write_text("Running stage 'manifest':\nx\nRunning stage 'embed@small':\n")
    assert ended.stage == "embed@small"
    assert ended.wait_for("manifest")
    assert not ended.wait_for("train")


def test_every_stage_has_its_turn_and_files_change_between_two():
    found = list(cases({"kills": 6, "files": 4}, STAGES))
    assert Counter(case.stage for case in found if case.kind == "kills") == dict.fromkeys(STAGES, 2)
    assert Counter(case.stage for case in found if case.kind == "files") == {"faces": 2, "train": 2}
    assert {case.kind for case in found[:3]} == {"kills", "files"}


def test_results_are_read_again_and_summed_up(tmp_path):
    assert noted(tmp_path / "none") == []
    rows = [{"kind": "kills", "number": n, "stage": STAGES[n], "wrong": "x" * (n == 2)} for n in range(3)]
    (tmp_path / "some").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert noted(tmp_path / "some") == rows
    assert summary(rows) == "3 kills over 3 stages: 1 wrong"


def test_other_numbers_without_a_word_are_wrong(tmp_path, ended):
    folder = tmp_path / "clone"
    (folder / "cache/issues").mkdir(parents=True)
    (folder / "prediction.txt").write_text("a")
    reference = Reference(folder, tmp_path / "kept", expected=fingerprint(folder))
    path = Path("a.jpg")
    assert silent(reference, ended, 0, path) == []
    (folder / "prediction.txt").write_text("b")
    assert silent(reference, ended, 0, path) == ["OTHER bytes, and no row names the file"]
    (folder / "cache/issues/faces.csv").write_text(
        "path,status,detail\nx/a.jpg,changed_file,it has other bytes\n"
    )
    assert silent(reference, ended, 0, path) == []
    ended.log.write_text("error: no space\n")
    assert silent(reference, ended, 2, path) == ["status 2: error: no space"]
    ended.log.write_text("error: x/a.jpg has other bytes\n")
    assert silent(reference, ended, 2, path) == []


def test_a_row_with_a_remark_alone_does_not_name_a_file(tmp_path):
    (tmp_path / "reports").mkdir()
    lines = "img_name,status,source,y_pred,warnings\na.jpg,ok,model,0.5,novelty\nb.jpg,missing_file,prior,0.5,gone\n"
    (tmp_path / "reports/prediction_issues.csv").write_text(lines)
    assert list(named(tmp_path)) == ["b.jpg\n"]
