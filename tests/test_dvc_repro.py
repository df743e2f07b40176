"""`dvc repro` on a dozen faces: every stage runs, then none, and after `rm -rf cache` the scores are the same."""

import faulthandler
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pipeline.demo.dataset import make_dataset

ROOT = Path(__file__).parents[1]
MODEL = "mobilenetv3_small_050"
NET = {"model": MODEL, "weights": "none", "size": 32, "epochs": 1, "batch_size": 8, "freeze_layers": 0}
TEXTURE = {**NET, "train_size": None}  # of its kinds two need no weights folder
LOCAL = {
    "spectral": {"blocks": ["radial", "npr"]},
    "finetune": {"folds": 2, "n_models": 1, "nets": {"face": None, "texture": TEXTURE}},
    "train": {"folds": 2, "num_boost_round": 10, "early_stopping": 5, "min_data_in_leaf": 2},
    "evaluate": {"bootstrap": 5, "ablation_num_boost_round": 5},
    "report": {"errors": 2, "permutation_repeats": 1},
    "compute": {"workers": 1, "backend": "sequential"},
}
STAGES = {
    *(
        "manifest",
        "audit",
        "faces",
        "generate",
        "spectral",
        "embed@small",
        "finetune@face",
        "finetune@texture",
    ),
    *("train", "evaluate", "report", "predict"),
}


def call(folder, *command):
    """Run a command of this environment in `folder`; returns its output."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    threads = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
    environment = {**os.environ, **threads, "PATH": path, "DVC_NO_ANALYTICS": "1", "PYTHONPATH": ""}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def repro(folder):
    """Stages that `dvc repro` ran."""
    return set(re.findall(r"Running stage '([^']+)'", call(folder, "dvc", "repro")))


@pytest.fixture(scope="module")
def unwatched():
    """The watchdog of pyproject.toml is for tests that hang; a dozen processes on a busy machine may take longer."""
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture(autouse=True)
def _unwatched(unwatched):
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture(scope="module")
def clone(tmp_path_factory, unwatched):
    """The files of this tree in a repository of their own, with a dozen faces and the smallest settings."""
    folder = tmp_path_factory.mktemp("a clone")  # the space belongs to the test
    empty = tmp_path_factory.mktemp("empty")  # to it every file is new, in a source archive without .git too
    call(empty, "git", "init", "--quiet", "--bare")
    tree = f"--git-dir={empty}", f"--work-tree={ROOT}"
    files = call(ROOT, "git", *tree, "ls-files", "-z", "--others", "--exclude-standard").split("\0")
    for name in filter(None, files):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    settings = yaml.safe_load((folder / "params.yaml").read_text())
    del settings["finetune"]["nets"][
        "seam"
    ]  # two entries are enough: one removed by the overlay, one trained
    settings["embed"]["backbones"] = {"small": {"model": MODEL, "size": 32}}
    (folder / "params.yaml").write_text(yaml.safe_dump(settings))
    (folder / "params.local.yaml").write_text(yaml.safe_dump(LOCAL))
    for command in (
        ["init", "--quiet"],
        ["add", "--all"],
        [
            "-c",
            "user.name=test",
            "-c",
            "user.email=test@localhost",
            "commit",
            "--quiet",
            "--message",
            "clone",
        ],
    ):
        call(folder, "git", *command)
    make_dataset(folder / "data/demo", images=28, seed=0, workers=1)
    return folder


@pytest.fixture(scope="module")
def finished(clone):
    """The clone after its first `dvc repro`, and the stages that ran."""
    return clone, repro(clone)


@pytest.mark.xdist_group("dvc repro")
def test_every_stage_runs(finished):
    clone, ran = finished
    assert ran == STAGES
    assert call(clone, "git", "status", "--porcelain") == "?? dvc.lock\n"
    assert len(call(clone, "dvc", "metrics", "show").splitlines()) == 2


@pytest.mark.xdist_group("dvc repro")
def test_nothing_changed_and_nothing_runs(finished):
    clone, _ = finished
    assert repro(clone) == {"manifest"}


@pytest.mark.xdist_group("dvc repro")
def test_a_lost_cache_is_made_again_to_the_same_scores(finished):
    """What DVC keeps it gives back; nets lie outside its cache and are trained again."""
    clone, _ = finished
    scores = (clone / "prediction.txt").read_bytes()
    shutil.rmtree(clone / "cache")
    (clone / "prediction.txt").unlink()
    assert {"manifest", "embed@small", "finetune@texture", "predict"} <= repro(clone)
    assert (clone / "prediction.txt").read_bytes() == scores
