"""The examples run as they are written, on the small run, and say what is true of it."""

import csv
import json
import os
import re
import runpy
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import yaml

from pipeline.runtime.params import Params
from tests.pipeline.small_run import TINY, write_params

EXAMPLES = Path(__file__).parents[2] / "examples"
CELLS = json.loads((EXAMPLES / "one_image.ipynb").read_text(encoding="utf-8"))["cells"]


@pytest.fixture
def command(monkeypatch, capsys):
    """Runs an example as the shell does; returns its exit status, and the lines of stdout and of stderr."""

    def run(name, *arguments):
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        status = 0
        try:
            runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        except SystemExit as end:
            status = end.code
        output = capsys.readouterr()
        return status, output.out.splitlines(), output.err.splitlines()

    return run


def state_of(folder):
    """Bytes and time of every file below a folder."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def scores_of(folder):
    with open(folder / "prediction.txt", newline="", encoding="utf-8") as stream:
        return {row["img_name"]: float(row["y_pred"]) for row in csv.DictReader(stream)}


def test_a_folders_most_suspicious_images_come_first(finished, tmp_path, command):
    folder = tmp_path / "images"
    folder.mkdir()
    for path in (finished / "demo/testset").iterdir():
        os.link(path, folder / path.name)
    (folder / "cut.jpg").write_bytes(path.read_bytes()[:2000])
    before = state_of(finished)
    status, lines, _ = command("score_folder.py", folder, "--bundle", finished / "cache/model", "--top", 3)
    highest = sorted(scores_of(finished).items(), key=lambda pair: -pair[1])[:3]
    assert status == 0
    assert [re.split(r"\s{2,}", line.strip())[3] for line in lines[1:4]] == [name for name, _ in highest]
    assert [float(line.split()[0]) for line in lines[1:4]] == [pytest.approx(s, abs=6e-4) for _, s in highest]
    assert re.search(r"cut\.jpg  \(truncated: ", lines[4]), (
        "an image that cannot be read is named with its reason"
    )
    assert lines[5].startswith(f"{len(scores_of(finished)) + 1} images, 1 not readable, ")
    assert state_of(finished) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], r"error: nowhere is not a folder"),
        (["."], r"error: no image in \."),
        (["images", "--bundle", "images"], r"error: \S+/images holds no bundle\.json"),
    ],
)
def test_a_folder_that_cannot_be_scored_ends_in_one_line_and_status_2(
    tmp_path, monkeypatch, command, arguments, message
):
    (tmp_path / "images").mkdir()
    if arguments != ["."]:
        (tmp_path / "images/a.jpg").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    status, lines, errors = command("score_folder.py", *arguments)
    assert (status, lines, len(errors)) == (2, [], 1)
    assert re.match(message, errors[0])


@pytest.fixture
def short_run(copied, monkeypatch):
    """The working directory: a finished run whose settings ask for one net of one fold, which is quick to train again."""
    rgb, absent = TINY["finetune"]["nets"]["rgb"], {"absent": TINY["embed"]["backbones"]["absent"]}
    write_params(
        copied, finetune={"folds": 2, "n_models": 1, "nets": {"rgb": rgb}}, embed={"backbones": absent}
    )
    monkeypatch.chdir(copied)
    return copied


@pytest.mark.filterwarnings("ignore")  # LightGBM's and scikit-learn's, about so few images
def test_a_source_is_left_out_in_a_folder_of_its_own(short_run, tmp_path, command):
    before = state_of(short_run)
    status, lines, _ = command("leave_a_source_out.py", "cam_b", "--out", tmp_path / "out")
    assert status == 0
    run = tmp_path / "out/without_cam_b"
    seen, unseen = (
        json.loads((folder / "reports/evaluation.json").read_text())["val"]["by_source"]["cam_b"]
        for folder in (short_run, run)
    )
    expected = ["cam_b", str(unseen["n"]), *(f"{figures['auc']['value']:.3f}" for figures in (seen, unseen))]
    assert [re.sub(r" \[.*", "", part) for part in re.split(r"\s{2,}", lines[1])] == expected
    assert state_of(short_run) == before, "the run itself stays as it is"

    settings = yaml.safe_load((run / "params.yaml").read_text())
    assert list(settings) == list(Params.model_fields), "columns come in the order of the settings"
    rows = pd.read_parquet(run / "cache/manifest.parquet")
    assert set(rows.loc[(rows["split"] == "train") & (rows["source"] == "cam_b"), "status"]) == {"held_out"}
    record = json.loads((run / "cache/model/bundle.json").read_text())["record"]
    assert "cam_b" not in record["training"]["sources"]
    assert "net_rgb" in record["nets"]
    for block in ("faces", "features/spectral/radial"):
        ours, theirs = (next((folder / "cache" / block).rglob("*.parquet")) for folder in (run, short_run))
        assert ours.samefile(theirs), f"{block} was computed again"


def test_a_source_that_cannot_be_left_out_ends_in_one_line_and_status_2(short_run, tmp_path, command):
    status, lines, errors = command("leave_a_source_out.py", "cam_x", "--out", tmp_path / "out")
    assert (status, lines, len(errors)) == (2, [], 1)
    assert re.match(r"error: source 'cam_x' cannot be left out; those that can are cam_a, cam_b", errors[0])
    write_params(short_run, manifest={"holdout_source": "cam_b"})
    status, lines, errors = command("leave_a_source_out.py")
    assert (status, lines, len(errors)) == (2, [], 1)
    assert "no manifest.holdout_source" in errors[0]
    assert not (tmp_path / "out").exists()


def test_the_notebook_shows_one_image(finished, tmp_path, monkeypatch):
    mpl.use("Agg")
    for folder, target in (("data/demo", "demo"), ("cache", "cache")):
        (tmp_path / folder).parent.mkdir(exist_ok=True)
        (tmp_path / folder).symlink_to(finished / target)
    (tmp_path / "examples").mkdir()
    monkeypatch.chdir(tmp_path / "examples")
    names = {}
    for cell in CELLS:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), cell["id"], "exec"), names)
    names["plt"].close("all")

    assert names["face"].found
    assert names["prediction"].score == pytest.approx(scores_of(finished)[names["IMAGE"].name], abs=1e-6)
    assert set(names["numbers"]) == set(TINY["spectral"]["blocks"])
    for block in names["numbers"].values():
        np.testing.assert_array_equal(block, names["features"].iloc[0][block.index])
    assert names["contributions"].sum() == pytest.approx(names["bundle"].stacker.raw(names["features"])[0])
    pushes = names["strongest"]["push"].abs()
    assert len(pushes) == 12
    assert pushes.is_monotonic_decreasing
    assert pushes.iloc[0] == np.abs(names["contributions"][:-1]).max()


def test_the_notebook_is_committed_without_outputs():
    code = [cell for cell in CELLS if cell["cell_type"] == "code"]
    assert code
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
