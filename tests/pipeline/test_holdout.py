"""Each source left out of all training, in a folder of its own, and a table of what that costs."""

import json
import re

import pandas as pd
import pytest
import yaml

from models.errors import UserError
from pipeline import holdout
from pipeline.runtime.params import Params
from tests.pipeline.small_run import TINY, write_params

pytestmark = pytest.mark.xdist_group("small run")  # made once, in one process


@pytest.fixture
def command(capsys):
    """Runs the command; returns its exit status, and the lines of stdout and of its message."""

    def run(*arguments):
        status, message = 0, ""
        try:
            holdout.main([str(argument) for argument in arguments])
        except UserError as error:
            status, message = 2, f"error: {error}"
        return status, capsys.readouterr().out.splitlines(), [message] if message else []

    return run


def state_of(folder):
    """Bytes and time of every file below a folder."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def test_a_row_has_both_figures_and_what_has_no_interval_says_so():
    seen = {"auc": {"value": 0.9, "low": 0.8, "high": 0.95}, "tpr_at_fpr_1e-2": None}
    row = holdout.row_of(
        "a", seen, {"n": 7, "groups": 5, "auc": {"value": 0.5, "low": None}, "tpr_at_fpr_1e-2": None}
    )
    assert holdout.written(row, "auc_seen") == "0.900 [0.800, 0.950]"
    assert holdout.written(row, "auc_unseen") == "0.500"
    assert holdout.written(row, "tpr_at_fpr_1e-2_seen") == "-"


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
    status, lines, _ = command("cam_b", "--out", tmp_path / "out")
    assert status == 0
    run = tmp_path / "out/without_cam_b"
    seen, unseen = (
        json.loads((folder / "reports/evaluation.json").read_text())["val"]["by_source"]["cam_b"]
        for folder in (short_run, run)
    )
    expected = ["cam_b", str(unseen["n"]), *(f"{figures['auc']['value']:.3f}" for figures in (seen, unseen))]
    assert [re.sub(r" \[.*", "", part) for part in re.split(r"\s{2,}", lines[1])] == expected
    assert state_of(short_run) == before, "the run itself stays as it is"
    table = pd.read_csv(tmp_path / "out/holdout.csv")
    assert table["source"].tolist() == ["cam_b"]
    assert table["auc_seen"].tolist() == [seen["auc"]["value"]]
    assert table["auc_unseen"].tolist() == [unseen["auc"]["value"]]

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
    status, lines, errors = command("cam_x", "--out", tmp_path / "out")
    assert (status, lines, len(errors)) == (2, [], 1)
    assert re.match(r"error: source 'cam_x' cannot be left out; those that can are cam_a, cam_b", errors[0])
    write_params(short_run, manifest={"holdout_source": "cam_b"})
    status, lines, errors = command()
    assert (status, lines, len(errors)) == (2, [], 1)
    assert "no manifest.holdout_source" in errors[0]
    assert not (tmp_path / "out").exists()
