"""The research bench: what it draws repeats, what it counts is right, what it cannot do it says."""

import json
from argparse import Namespace

import numpy as np
import pandas as pd
import pytest

from benchmarks.quality import __main__ as bench
from benchmarks.quality import rows, table
from benchmarks.quality.conditions import CONDITIONS, FORGED, GRID, OTHERS, apply
from benchmarks.quality.runs import NONE, Run


def val(n, *, source="a", seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "img_name": [f"{source}{i}.png" for i in range(n)],
            "source": source,
            "group": [f"{source}{i // 2}" for i in range(n)],
            "target": rng.integers(0, 2, n),
        }
    )


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_condition_depends_on_the_image_name_alone(condition):
    pixels = np.random.default_rng(0).integers(0, 256, (48, 40, 3), dtype=np.uint8)
    first, again = (apply(condition, pixels, image="a.png") for _ in range(2))
    np.testing.assert_array_equal(first, again)
    if condition not in ("clean", OTHERS, FORGED[0]):
        assert first.shape != pixels.shape or (first != pixels).any()


def test_perfect_and_useless_scores_have_their_figures(tmp_path):
    known = val(200)
    run = Run(tmp_path, "ours", NONE)
    run.write("clean", known, known["target"].to_numpy(float))
    assert table.figures(run.read("clean"))["all"]["auc"]["value"] == 1
    run.write("clean", known, np.zeros(200))
    assert table.figures(run.read("clean"))["a"]["auc"]["value"] == pytest.approx(0.5)


def test_the_loss_of_robustness_is_taken_on_the_same_images(tmp_path):
    known = val(200)
    run, few = Run(tmp_path, "ours", NONE), known.iloc[:100]
    # Right on the images of the grid, wrong on the others: the clean AUC that counts is 1, not 0.5.
    own = known["target"].to_numpy(float)
    run.write("clean", known, np.where(np.arange(200) < 100, own, 1 - own))
    for condition in GRID:
        run.write(condition, few, np.zeros(100))
    found = table.robustness(run)
    assert (found["images"], found["clean"], found["mean"], found["loss"]) == (100, 1, 0.5, 0.5)


def test_robustness_of_a_run_without_a_source_is_that_of_the_others(tmp_path):
    run, others = Run(tmp_path, "npr", "b"), val(100)
    run.write("clean", val(100, source="b"), np.zeros(100))
    run.write(OTHERS, others, others["target"].to_numpy(float))
    assert table.collect(tmp_path, ["npr"], ["b"])["npr"]["robustness"] == {}
    for condition in GRID:
        run.write(condition, others, np.zeros(100))
    found = table.collect(tmp_path, ["npr"], ["b"])["npr"]["robustness"]["b"]
    assert (found["clean"], found["loss"]) == (1, 0.5)


def test_novelty_that_knows_the_errors_has_an_auc_of_one(tmp_path):
    run, own, others = Run(tmp_path, "ours", "a"), val(100), val(100, source="b", seed=1)
    right, wrong = others["target"].to_numpy(float), 1 - own["target"].to_numpy(float)
    half = np.where(np.arange(100) < 50, wrong, 1 - wrong)
    run.write("clean", own, half, novelty=np.where(np.arange(100) < 50, 0.9, 0.6))
    run.write(OTHERS, others, right, novelty=np.full(100, 0.5))
    found = table.novelty(run)
    assert found == {
        "wrong_own": 1,
        "wrong_both": 1,
        "left_out": 1,
        "errors_own": 0.5,
        "errors_others": 0,
    }


def test_tables_hold_what_was_run(tmp_path):
    known = val(100)
    for method, held in (("ours", NONE), ("ours", "a"), ("npr", "a")):
        run = Run(tmp_path, method, held)
        for condition in ("clean", "random"):
            run.write(condition, known, known["target"].to_numpy(float))
        run.note(fit_seconds=12.0)
    found = table.collect(tmp_path, ["ours", "npr"], [NONE, "a"])
    text = table.write(tmp_path, found)
    assert "val `a`: 100 images" in text
    assert "AUC on a source that was left out of training" in text
    assert "| npr | 1.000 (0.973–1.000) | 1.000 (0.973–1.000) |" in text
    assert "changed pictures" not in text
    assert json.loads((tmp_path / "quality.json").read_text())["npr"]["seen"] == {}


def test_a_draw_is_balanced_and_repeats():
    both = pd.concat([val(100), val(40, source="b", seed=1)], ignore_index=True).assign(split="val")
    drawn = rows.balanced(both, images=40)
    assert drawn.groupby(["source", "target"]).size().tolist() == [10] * 4
    pd.testing.assert_frame_equal(drawn, rows.balanced(both, images=40))


@pytest.mark.parametrize("text", ["nobody", "npr=params.yaml", "a b=params.yaml", "mine=missing.yaml"])
def test_unknown_methods_are_refused(text):
    with pytest.raises(ValueError, match="--methods"):
        bench.methods_of(text)


def test_unknown_hold_outs_are_refused():
    train = pd.concat([val(10), val(10, source="b")]).assign(split="train")
    assert bench.hold_outs(None, train) == [NONE, "a", "b"]
    with pytest.raises(ValueError, match="c is unknown; allowed are none, a, b"):
        bench.hold_outs("c", train)
    assert bench.hold_outs(None, train[train["source"] == "a"]) == [NONE]


def test_a_scratch_folder_of_other_settings_is_refused(tmp_path):
    asked = Namespace(limit=None, peer_size=160, grid_images=600, data=tmp_path, weights=tmp_path)
    bench.claim(tmp_path / "work", asked)
    bench.claim(tmp_path / "work", asked)
    with pytest.raises(ValueError, match="holds results of"):
        bench.claim(tmp_path / "work", Namespace(**{**vars(asked), "peer_size": 224}))
