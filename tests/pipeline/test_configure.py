"""`make repro` settings end up in params.local.yaml; mistakes are refused before anything is written."""

import re
import shutil
from pathlib import Path

import pytest

from pipeline import configure
from pipeline.runtime import params
from pipeline.runtime.params import ParamsError

ROOT = Path(__file__).parents[2]
LOCAL = Path("params.local.yaml")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    for name in ("faces", "other faces", "nets", "data/weights"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path


@pytest.fixture(autouse=True)
def drawn(monkeypatch):
    calls = []
    monkeypatch.setattr(configure, "make_dataset", lambda out, **given: calls.append((out, given)))
    return calls


def overlay(text):
    Path("o.yaml").write_text(text)
    return "o.yaml"


def test_without_arguments_nothing_is_written_and_the_demo_is_drawn(drawn):
    before = Path("params.yaml").read_bytes()
    configure.main([])
    assert Path("params.yaml").read_bytes() == before
    assert not LOCAL.exists()
    assert drawn == [(Path("data/demo"), {"images": 400, "seed": 0, "force": False})]


def test_data_and_weights_are_kept_as_absolute_paths_until_given_again(drawn, elsewhere):
    before = Path("params.yaml").read_bytes()
    configure.main(["--data", "faces/", "--weights", "nets"])
    configure.main([])
    configure.main(["--params", overlay("train: {folds: 7}")])
    data = params.load("data")
    assert (data.root, data.weights) == (str(elsewhere / "faces"), str(elsewhere / "nets"))
    configure.main(["--data", "other faces"])
    data = params.load("data")
    assert (data.root, data.weights) == (str(elsewhere / "other faces"), str(elsewhere / "nets"))
    assert params.load("train").folds == 7
    assert drawn == []
    configure.main(["--data", "", "--weights", ""])
    assert params.load("data").root == "data/demo"
    assert Path("params.yaml").read_bytes() == before


def test_the_demo_set_may_be_named(drawn):
    configure.main(["--data", "data/demo"])
    assert Path(params.load("data").root).is_absolute()
    assert len(drawn) == 1


def test_an_overlay_takes_the_place_of_an_earlier_one():
    configure.main(["--params", overlay("train: {folds: 7}\ndata: {demo_images: 20}"), "--data", "faces"])
    configure.main(["--params", overlay("manifest: {holdout_source: x}")])
    assert params.load("train").folds == 3
    assert params.load("data").demo_images == 400
    assert params.load("manifest").holdout_source == "x"


@pytest.mark.parametrize("arguments", [["--reset"], ["--params", ""]])
def test_going_back_to_the_defaults(arguments):
    configure.main(["--params", overlay("train: {folds: 7}")])
    configure.main(arguments)
    assert params.load("train").folds == 3
    assert not LOCAL.exists()


def test_writing_twice_is_writing_once():
    configure.main(["--data", "faces"])
    before = (LOCAL.read_bytes(), LOCAL.stat().st_mtime_ns)
    configure.main(["--data", "faces"])
    assert (LOCAL.read_bytes(), LOCAL.stat().st_mtime_ns) == before
    assert not list(Path().glob(".params*"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train: {folds: 1}", "o.yaml: key 'train.folds' is 1"),
        ("trian: {folds: 3}", "o.yaml: key 'trian' is unknown; allowed are .*train"),
        ("train: [folds", "o.yaml cannot be read as YAML"),
        ("- train", "o.yaml holds no YAML mapping of sections"),
        ("spectral: {blocks: [radail]}", "o.yaml: key 'spectral.blocks' names radail; allowed are .*radial"),
        ("train: {blocks: [net_fase]}", "o.yaml: key 'train.blocks' names net_fase; allowed are .*net_face"),
        (
            "finetune: {nets: {face: {model: resnet999}}}",
            "resnet999, which timm does not know; near it are resnet",
        ),
        ("finetune: {nets: {face: {heads: [blnd]}}}", "heads' names blnd; allowed are labelled, blend"),
        ("finetune: {nets: {more: {model: resnet18}}}", "'finetune.nets' names more; params.yaml has face"),
        ("data: {weights: gone}", "key 'data.weights' is gone, which is not a folder"),
    ],
)
def test_a_wrong_overlay_is_refused_and_nothing_is_written(drawn, text, message):
    configure.main(["--data", "faces"])
    before = LOCAL.read_bytes()
    with pytest.raises(ParamsError) as error:
        configure.main(["--params", overlay(text), "--data", "other faces"])
    assert re.search(message, str(error.value))
    assert LOCAL.read_bytes() == before
    assert drawn == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "gone"], "--data gone is not a folder"),
        (["--weights", "gone"], "--weights gone is not a folder"),
        (["--params", "no.yaml"], "--params no.yaml is not a file"),
    ],
)
def test_missing_folders_and_files_are_named(arguments, message):
    with pytest.raises(ParamsError, match=message):
        configure.main(arguments)
    assert not LOCAL.exists()


def test_the_reference_is_printed_and_nothing_is_done(capsys, drawn):
    configure.main(["--reference", "--data", "faces"])
    assert capsys.readouterr().out.startswith("# Parameters\n")
    assert not LOCAL.exists()
    assert drawn == []


def test_a_demo_of_another_size_takes_the_place_of_the_old_one(drawn):
    Path("data/demo").mkdir()
    Path("data/demo/demo.json").write_text('{"generator_version": 1, "images": 20, "seed": 0}')
    configure.main([])
    assert drawn[-1][1]["force"] is True
    configure.main(["--params", overlay("data: {demo_images: 20}")])
    assert drawn[-1][1] == {"images": 20, "seed": 0, "force": False}
