"""The simulation of partial leaks: what is planted is what the table counts."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.leaks.__main__ import counts, designs, main, table
from benchmarks.leaks.histories import IMAGES, Design, draw


def test_the_value_lies_in_that_share_of_the_fakes_alone():
    rows, facts = draw(Design(groups=2000, leak=0.25, noise=0.0), np.random.default_rng(0))
    planted = facts["quality"] == -1.0
    assert planted[rows["target"] == 1].mean() == pytest.approx(0.25, abs=0.03)
    assert not planted[rows["target"] == 0].any()
    of_groups = facts.groupby(rows["group"]).nunique()
    assert (of_groups == 1).all(axis=None)
    assert rows.groupby("group").size().eq(IMAGES).all()


def test_without_a_leak_both_classes_are_drawn_alike():
    rows, facts = draw(Design(groups=4000, leak=0.0, noise=0.0), np.random.default_rng(1))
    means = facts.groupby(rows["target"]).mean()
    assert means.loc[0].to_numpy() == pytest.approx(means.loc[1].to_numpy(), rel=0.1, abs=0.05)


def test_a_large_leak_is_found_and_a_null_is_quiet():
    assert counts(Design(groups=150, leak=0.3, noise=0.0), runs=3) == {"found": 3, "red": 3, "others": 0}
    assert counts(Design(groups=150, leak=0.0, noise=0.0), runs=3)["found"] == 0


def test_the_table_has_a_line_for_each_design(capsys, monkeypatch):
    monkeypatch.setattr("benchmarks.leaks.__main__.GROUPS", (20,))
    main(["--runs", "1"])
    assert capsys.readouterr().out.count("\n") == len(designs()) + 2
    rows = [(Design(100, 0.0, 0.0), {"found": 0, "red": 0, "others": 1})]
    assert table(rows, runs=4).splitlines()[-1] == "| 100 | 0% | 0.0% | – | – | 0.250 |"
