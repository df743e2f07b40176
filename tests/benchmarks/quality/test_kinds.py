"""Leaving a kind of pseudo-fake out: nothing of it stays in the parameters, and its pairs are made once."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from benchmarks.quality import kinds
from benchmarks.quality.conditions import FORGED
from benchmarks.quality.kinds import all_kinds, forge, measure_kinds, without, write_pairs
from benchmarks.quality.ours import Recipe
from benchmarks.quality.runs import NONE, Run
from models.generators.registry import GENERATORS
from pipeline.runtime import params
from tests.benchmarks.quality.faces import in_this_process, portrait

SHIPPED = Path(__file__).parents[3] / "params.yaml"
NETS = {
    "face": {"heads": ["labelled"]},
    "seam": {"heads": ["blend"]},
    "both": {"heads": ["blend", "resynthesis"]},
}


def tree_with(kind):
    """The shipped parameters with rows and nets that learn `kind`, one net alone and one with another kind."""
    tree = params.read_mapping(SHIPPED)
    other = next(name for name in all_kinds() if name != kind)
    heads = {"face": ["labelled"], "alone": [kind], "beside": [other, kind]}
    net = {"model": "mobilenetv2_100", "size": 64, "epochs": 1, "learning_rate": 0.001}
    tree["finetune"]["nets"] = {name: net | {"heads": of_net} for name, of_net in heads.items()}
    fakes = dict.fromkeys(all_kinds(), 0.5)
    return params.merge(tree, {"variants": {"pseudo_fakes": fakes}}), other


@pytest.mark.parametrize("kind", all_kinds())
def test_without_a_kind_nothing_is_trained_on_it(kind):
    tree, other = tree_with(kind)
    left = params.combine(tree, without(tree, kind=kind), overlay_name=f"without {kind}")
    assert set(left.variants.pseudo_fakes) == set(all_kinds()) - {kind}
    heads = {name: net.heads for name, net in left.finetune.nets.items()}
    assert heads == {"face": ["labelled"], "beside": [other]}
    whole = params.parse(tree, where="params.yaml")
    assert left.finetune.nets["face"] == whole.finetune.nets["face"]
    assert (left.train, left.spectral) == (whole.train, whole.spectral)


@pytest.mark.parametrize("kind", all_kinds())
def test_every_kind_can_be_left_out_of_the_shipped_parameters(kind):
    tree = params.read_mapping(SHIPPED)
    left = params.combine(tree, without(tree, kind=kind), overlay_name=f"without {kind}")
    assert kind not in left.variants.pseudo_fakes
    assert not [name for name, net in left.finetune.nets.items() if kind in net.heads]


def test_a_net_that_is_removed_leaves_the_blocks_too():
    tree = {"finetune": {"nets": NETS}, "train": {"blocks": ["face", "net_seam", "net_both"]}}
    assert without(tree, kind="blend")["train"] == {"blocks": ["face", "net_both"]}
    assert without(tree, kind="resynthesis")["train"] == {"blocks": ["face", "net_seam", "net_both"]}


@pytest.fixture
def reals(tmp_path, monkeypatch):
    monkeypatch.setattr(kinds, "find_faces", lambda paths, describe: [portrait(0).face for _ in paths])
    monkeypatch.setattr(kinds, "over_chunks", in_this_process)
    names = ["a.png", "b.jpg"]
    for n, name in enumerate(names):
        cv2.imwrite(str(tmp_path / name), portrait(n).pixels[..., ::-1])
    paths = [str(tmp_path / name) for name in names]
    return pd.DataFrame({"img_name": names, "path": paths, "source": "a", "group": names, "target": 0})


def test_pairs_are_reals_and_the_same_as_fakes(tmp_path, reals, monkeypatch):
    made = write_pairs(tmp_path / "made", "resynthesis", reals, weights=tmp_path)
    assert made["target"].tolist() == [0, 0, 1, 1]
    for column in ("img_name", "group"):
        assert made[column].tolist() == reals[column].tolist() * 2
    pictures = [cv2.imread(path) for path in made["path"]]
    np.testing.assert_array_equal(
        pictures[0], cv2.imread(reals["path"][0])
    )  # a PNG file is saved without loss
    assert (pictures[0] != pictures[2]).any() and (pictures[1] != pictures[3]).any()
    monkeypatch.setattr(kinds, "_forge_chunk", None)
    pd.testing.assert_frame_equal(
        write_pairs(tmp_path / "made", "resynthesis", reals, weights=tmp_path), made
    )


def test_a_generator_draws_by_the_name_alone_and_is_mixed_as_in_training():
    own = portrait(0)

    def inverted(pixels, rng):
        return (255 - pixels) // 2 + rng.integers(0, 100, dtype=np.uint8)

    made, again, other = (forge("restoration", own, inverted, name=name) for name in ("a", "a", "b"))
    np.testing.assert_array_equal(made.fake, again.fake)
    np.testing.assert_array_equal(made.real, own.pixels)
    assert (made.fake != other.fake).any()
    assert 0.5 <= made.mask.max() <= 1


def test_a_kind_that_was_not_trained_on_is_passed_over(tmp_path, reals, monkeypatch, capsys):
    trained = []

    def measured(run, tests, recipe, *, holdout_source, changes=None):
        trained.append((run.held, {name: sorted(rows["img_name"]) for name, rows in tests.items()}))
        run.note(kinds=["blend", "resynthesis"])
        return tmp_path / run.held / "cache/model"

    monkeypatch.setattr(kinds, "measure_ours", measured)
    monkeypatch.setattr(
        kinds, "score_chunk", lambda bundle, rows, condition: rows[["target"] * 2].to_numpy().T
    )
    forged = pd.DataFrame(
        {"img_name": ["real/a", "swap/a", "reenact/a", "superres/a"], "target": [0, 1, 1, 1]}
    )
    recipe = Recipe(tmp_path, tmp_path)
    measure_kinds(tmp_path, "ours", reals, recipe, forged=forged)
    every = sorted(forged["img_name"])
    of_blend = ["real/a", "reenact/a"]
    assert trained == [
        (NONE, dict.fromkeys(FORGED, every)),
        ("without-blend", dict.fromkeys(FORGED, of_blend)),
        ("without-resynthesis", {}),
    ]
    said = capsys.readouterr().err
    assert all(
        f"ours was not trained on {kind}: there is nothing to leave out" in said for kind in GENERATORS
    )
    scores = Run(tmp_path, "ours", "without-blend").read("blend-random")
    assert scores["score"].tolist() == scores["target"].tolist() == [0, 0, 1, 1]
