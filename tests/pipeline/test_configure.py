"""`make repro` settings end up in params.local.yaml; mistakes are refused before anything is written."""

import os
import re
import shutil
from pathlib import Path

import hypothesis
import pytest
from dvc.utils.serialize import loads_yaml
from hypothesis import strategies as st

from pipeline import configure
from pipeline.runtime import params, yaml_file
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
    Path("o.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
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
        (b"train: {seed: \xe9}", "o.yaml cannot be read as YAML: byte 15 is not UTF-8"),
        (
            "train: !mine {folds: 3}",
            "o.yaml cannot be read as YAML: line 1: could not determine a constructor",
        ),
        ("manifest: {holdout_source: 2024-13-45}", "o.yaml cannot be read as YAML: month must be"),
        ("manifest: {holdout_source: 2024-12-05}", "o.yaml: key 'manifest.holdout_source' is datetime.date"),
        ("train: {seed: " + "9" * 5000 + "}", "o.yaml cannot be read as YAML: Exceeds the limit"),
        ("train: {seed: 0x" + "9" * 5000 + "}", "'train.seed' is a number of thousands of digits: "),
        (
            "train: {seed: " + "9" * 4000 + "}",
            "o.yaml: key 'train.seed' is 999.*999: .*at most 2,147,483,647",
        ),
        ("finetune: {seed: 4294967296}", "'finetune.seed' is 4294967296: .*at most 2,147,483,647"),
        ("train: {folds: true}", "key 'train.folds' is True: .*no value for it"),
        ("train: {lambda_l2: .inf}", "key 'train.lambda_l2' is inf: .*finite"),
        ("train: {lambda_l2: .nan}", "key 'train.lambda_l2' is nan: .*finite"),
        ("data: null", "o.yaml: key 'data' is null: "),
        ("data:", "o.yaml: key 'data' is null: "),
        ("data: [1]", r"o.yaml: key 'data' is \[1\]: "),
        ("finetune: {nets: {1: null, b: null}}", "'finetune.nets' names 1, b; params.yaml has face"),
        ("train: {folds: 3}\ntrain: {seed: 1}", "line 2: found duplicate key"),
        ("spectral: {blocks: [" + "x" * 9999 + "]}", "key 'spectral.blocks' names xxx"),
        ("finetune: {nets: {face: {weights: " + "x" * 9999 + "}}}", "face.weights' is xxx"),
        ('finetune: {nets: {face: {weights: "a\\0b"}}}', "face.weights' is .*which is not a file"),
        ('data: {root: "\\uDCB0"}', "key 'data.root' is .*which is not UTF-8; rename it"),
        ("a: &a {x: *a}", "o.yaml: key 'a' is unknown"),
        ("\n".join(f"k{i}: 1" for i in range(2000)), "and 1990 more mistakes"),
    ],
)
def test_a_wrong_overlay_is_refused_and_nothing_is_written(drawn, text, message):
    configure.main(["--data", "faces"])
    before = LOCAL.read_bytes()
    with pytest.raises(ParamsError) as error:
        configure.main(["--params", overlay(text), "--data", "other faces"])
    assert re.search(message, str(error.value))
    assert max(map(len, str(error.value).splitlines())) < 600
    assert len(str(error.value).splitlines()) <= 11
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


def test_a_mistake_is_that_of_the_file_which_sets_it():
    gone = r"which is not a folder; give one that is there \(`make repro {}=FOLDER`"
    configure.main(["--data", "other faces"])
    Path("other faces").rmdir()
    given = overlay("data: {demo_images: 20}\nspectral: {blocks: [radail]}")
    with pytest.raises(ParamsError) as error:
        configure.main(["--params", given])
    of_data, of_blocks = str(error.value).splitlines()
    assert re.match(r"params.local.yaml: key 'data.root' is .*/other faces, " + gone.format("DATA"), of_data)
    assert of_blocks.startswith("o.yaml: key 'spectral.blocks' names radail")
    Path("data/weights").rmdir()
    for arguments in (["--data", "faces"], ["--data", "faces", "--params", overlay("train: {folds: 7}")]):
        with pytest.raises(
            ParamsError, match="^params.yaml: key 'data.weights' is data/weights, " + gone.format("WEIGHTS")
        ):
            configure.main(arguments)


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


def test_a_link_to_the_settings_stays_one(elsewhere):
    Path("mine").mkdir()
    LOCAL.symlink_to("mine/settings.yaml")
    configure.main(["--params", overlay("train: {folds: 7}")])
    assert LOCAL.is_symlink()
    assert params.load("train").folds == 7
    assert [p.name for p in Path("mine").iterdir()] == ["settings.yaml"]


@pytest.mark.parametrize("text", ["data: 5", "data: [1]", "data: null"])
def test_damaged_settings_of_before_are_replaced(text, elsewhere):
    LOCAL.write_text(text)
    configure.main(["--params", overlay("train: {folds: 7}"), "--data", "faces"])
    assert params.load("train").folds == 7
    assert params.load("data").root == str(elsewhere / "faces")


@pytest.mark.parametrize("arguments", [[], ["--reset"]])
def test_settings_of_before_that_cannot_be_read_are_named(arguments):
    LOCAL.write_text("data: [")
    with pytest.raises(
        ParamsError, match="params.local.yaml cannot be read as YAML: .*delete it to go back to the def"
    ):
        configure.main(arguments)


def test_a_folder_in_place_of_the_settings_is_named():
    LOCAL.mkdir()
    with pytest.raises(
        ParamsError, match="params.local.yaml cannot be read: Is a directory; name a YAML file"
    ):
        params.read()


@pytest.mark.parametrize("option", ["--data", "--params"])
def test_an_endless_path_is_no_traceback(option):
    with pytest.raises(ParamsError, match=f"{option} x.* is not a f"):
        configure.main([option, "x" * 5000])


@pytest.mark.parametrize("clone", [True, False])
def test_dvc_is_told_that_an_archive_has_no_git(monkeypatch, clone):
    Path(".dvc").mkdir()
    if clone:
        Path(".git").write_text("gitdir: elsewhere")  # as in a worktree
    else:
        monkeypatch.setattr(
            configure.Path, "exists", lambda path: path.name != ".git" and os.path.exists(path)
        )
    configure.main(["--data", "faces"])
    configure.main(["--data", "faces"])
    told = Path(".dvc/config.local")
    assert told.is_file() is not clone
    assert clone or told.read_text().split() == ["[core]", "no_scm", "=", "true"]


values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.lists(st.integers() | st.text(max_size=3), max_size=3),
    st.sampled_from(["010", "0o17", "1e-3", "yes", "none", "auto", "radial", "blend", "cpu", 1, 2, 0.5, 3]),
)
keys = st.sampled_from(
    [
        (name, key)
        for name, field in params.Params.model_fields.items()
        for key in field.annotation.model_fields
    ]
)


@hypothesis.settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
@hypothesis.given(st.dictionaries(keys, values, min_size=1, max_size=3))
def test_any_settings_are_refused_in_a_line_or_read_back_as_they_were(given):
    """`root` may name a folder that is there; the name of a net would import timm."""
    settings = {}
    for (section, key), value in given.items():
        settings.setdefault(section, {})[key] = value
    before = LOCAL.read_bytes() if LOCAL.exists() else None
    Path("o.yaml").write_text(yaml_file.dump(settings), encoding="utf-8")
    try:
        configure.main(["--params", "o.yaml"])
    except ParamsError:
        assert before == (LOCAL.read_bytes() if LOCAL.exists() else None)
        return
    expected = params.combine(params.read_mapping(params.PARAMS_FILE), settings, overlay_name="o.yaml")
    assert params.read() == expected
    assert loads_yaml(LOCAL.read_text(encoding="utf-8"), typ="safe") == yaml_file.load(LOCAL)
