"""The tables of forgeries: figures within a source, families in their places, marks by what was trained on."""

import pandas as pd
import pytest

from benchmarks.quality import table
from benchmarks.quality.conditions import FORGED
from benchmarks.quality.families import FAMILIES, REAL
from benchmarks.quality.forgery_tables import areas
from benchmarks.quality.runs import NONE, Run

SCORES = {"real": 0, "edited": 0, "swap": 1, "clone": 1, "multiband": 1, "eigenface": -1, "superres": 1}
SCORES |= {"autoencoder": -1, "reenact": -1}


def scored(names, *, worse=()):
    """Four pictures of each in two sources of other levels; rows without their scores, and these."""
    rows = pd.DataFrame(
        [
            {"img_name": f"{kind}/{n}", "source": source, "group": str(n), "target": int(kind in FAMILIES)}
            | {"score": (-1 if kind in worse else SCORES[kind]) + base + n / 100}
            for source, base in (("a", 0.0), ("b", 5.0))
            for kind in names
            for n in range(4)
        ]
    )
    return rows.drop(columns="score"), rows["score"].to_numpy()


def keep(run, names, *, worse=()):
    rows, scores = scored(names, worse=worse)
    for condition in FORGED:
        run.write(condition, rows, scores)


def test_forgeries_are_told_within_their_source():
    rows, scores = scored(SCORES)
    told = areas(rows.assign(score=scores))
    assert told["edited"] == 0.5
    assert {name: told[name] for name in FAMILIES} == {name: SCORES[name] > 0 for name in FAMILIES}
    assert told["mean"] == 0.75


def test_a_family_of_one_source_and_one_that_is_missing():
    rows, scores = scored(["real", "superres"])
    rows = rows.assign(score=scores)
    alone = rows[(rows["source"] == "a") | rows["img_name"].str.startswith(REAL)]
    assert areas(alone) == {"superres": 1}


def test_marks_say_what_a_run_was_trained_on(tmp_path):
    for method, kinds in (("ours", ["blend", "restoration"]), ("npr", None)):
        keep(Run(tmp_path, method, NONE), [name for name in SCORES if name != "autoencoder"])
        if kinds:
            Run(tmp_path, method, NONE).note(kinds=kinds)
    text = table.markdown(table.collect(tmp_path, ["ours", "npr"], [NONE]))
    columns = "swap | clone | multiband | eigenface | mean | superres | autoencoder | reenact | edited |"
    assert columns in text
    right, wrong = "1.000 / 1.000", "0.000 / 0.000"
    known = f"| {right} | {right} | {right} | {wrong} | 0.750 / 0.750 |"
    last = "0.500 / 0.500 |"
    assert f"| ours {known} {right}, in use | – / –, left out | {wrong}, in use | {last}" in text
    assert f"| npr {known} {right}, left out | – / –, left out | {wrong}, left out | {last}" in text


@pytest.mark.parametrize("kind", ["restoration"])
def test_a_kind_left_out_is_compared_on_the_forgeries_of_its_like(tmp_path, kind):
    keep(Run(tmp_path, "ours", NONE), SCORES)
    without = Run(tmp_path, "ours", f"without-{kind}")
    assert "trained without it" not in table.markdown(table.collect(tmp_path, ["ours"], [NONE]))
    keep(without, ["real", "superres"], worse=["superres"])
    text = table.markdown(table.collect(tmp_path, ["ours"], [NONE]))
    assert "| superres, like restoration | 1.000 / 1.000 | 0.000 / 0.000 |" in text
