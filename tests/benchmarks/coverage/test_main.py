"""The command keeps what it has, goes on with the rest, and prints tables."""

from __future__ import annotations

import pytest

from benchmarks.coverage import __main__ as command
from benchmarks.coverage.designs import Design
from benchmarks.coverage.tables import coverage_table

SMALL = [Design(100, 30, correlation=0.3, unequal=False, classes="both", shift=s) for s in (1.0, 2.0)]


def test_a_stopped_run_goes_on_with_what_is_missing(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "designs", lambda **_: SMALL[:1])
    arguments = ["--work", str(tmp_path), "--parts", "ranked", "--runs", "3", "--workers", "1"]
    command.main(arguments)
    assert "| auc | 100 | 30 | 1 of 1 |" in capsys.readouterr().out
    file = tmp_path / "ranked-3.jsonl"
    first = file.read_text(encoding="utf-8")
    assert command.missing(file, SMALL) == SMALL[1:]
    monkeypatch.setattr(command, "designs", lambda **_: SMALL)
    command.main(arguments)
    assert file.read_text(encoding="utf-8").startswith(first)
    assert "| auc | 100 | 30 | 2 of 2 |" in capsys.readouterr().out


def test_unknown_parts_are_refused(tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        command.main(["--work", str(tmp_path), "--parts", "auc"])
    assert (
        "auc is unknown; known are ranked, others, differences, sureness, thresholds"
        in capsys.readouterr().err
    )


def test_table_counts_designs_that_show_their_interval_often():
    rows = [
        {"figure": "auc", "reals": 100, "groups": 10, "runs": 100, "shown": shown, "covers": covers}
        for shown, covers in ((100, 95), (50, 48), (5, 1))
    ]
    assert "| auc | 100 | 10 | 2 of 3 | 0.950–0.960 | 0.929 of 155 |" in coverage_table(rows)
