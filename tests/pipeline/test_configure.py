"""`make repro` settings end up in params.yaml, comments kept, mistakes refused before anything is written."""

import shutil
from pathlib import Path

import pytest

from pipeline import configure
from pipeline.runtime import params

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "faces").mkdir()
    (tmp_path / "nets").mkdir()
    return tmp_path


@pytest.fixture
def drawn(monkeypatch):
    calls = []
    monkeypatch.setattr(configure, "make_dataset", lambda out, **given: calls.append(out))
    return calls


def test_nothing_asked_changes_nothing_and_draws_the_demo(drawn):
    before = Path("params.yaml").read_bytes()
    configure.main([])
    assert Path("params.yaml").read_bytes() == before
    assert drawn == [Path("data/demo")]


def test_data_and_weights_are_written_and_comments_stay(drawn):
    configure.main(["--data", "faces/", "--weights", "nets"])
    data = params.load("data")
    assert (data.root, data.weights) == ("faces", "nets")
    assert "# px, smallest face that MTCNN looks for" in Path("params.yaml").read_text()
    assert drawn == []


def test_writing_twice_is_writing_once(drawn):
    configure.main(["--data", "faces"])
    before = Path("params.yaml").read_bytes()
    configure.main(["--data", "faces"])
    assert Path("params.yaml").read_bytes() == before


def test_overlay_changes_adds_and_removes(drawn):
    Path("o.yaml").write_text(
        "train: {folds: 7}\nfinetune:\n  nets:\n    texture: null\n    face: {epochs: 1}\nmanifest: {holdout_source: x}\n"
    )
    configure.main(["--params", "o.yaml", "--data", "faces"])
    assert params.load("train").folds == 7
    assert list(params.load("finetune").nets) == ["face", "seam"]
    assert params.load("finetune").nets["face"].epochs == 1
    assert params.load("finetune").nets["face"].size == 192
    assert params.load("manifest").holdout_source == "x"
    Path("o.yaml").write_text("manifest: {holdout_source: null}\n")
    configure.main(["--params", "o.yaml"])
    assert params.load("manifest").holdout_source is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train: {folds: 1}", "key 'train.folds' is 1"),
        ("trian: {folds: 3}", "key 'trian' is unknown; allowed here are .*train"),
        ("train: [folds", "o.yaml is not a YAML mapping"),
        ("- train", "o.yaml is not a YAML mapping"),
    ],
)
def test_a_wrong_overlay_is_refused_and_nothing_is_written(drawn, capsys, text, message):
    import re

    before = Path("params.yaml").read_bytes()
    Path("o.yaml").write_text(text)
    with pytest.raises(SystemExit):
        configure.main(["--params", "o.yaml"])
    assert re.search(message, capsys.readouterr().err)
    assert Path("params.yaml").read_bytes() == before


def test_missing_folders_and_files_are_named(capsys):
    for arguments, message in (
        (["--data", "gone"], "gone is not a folder"),
        (["--params", "no.yaml"], "no.yaml is not a file"),
    ):
        with pytest.raises(SystemExit):
            configure.main(arguments)
        assert message in capsys.readouterr().err
