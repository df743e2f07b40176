"""A clone of this tree with so little data and such settings that `dvc repro` takes a minute."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import timm
import torch
import yaml
from safetensors.torch import save_file

from tests.small_faces import small_faces

ROOT = Path(__file__).parents[1]
MODEL = "test_efficientnet"  # timm's smallest of the make that the recipe has
NET = {"model": MODEL, "weights": "none", "size": 32, "epochs": 1, "batch_size": 8, "freeze_layers": 0}
TEXTURE = {**NET, "train_size": None}  # of its kinds two need no weights folder
LOCAL = {
    # Which images get one hangs on their bytes, and these on the processor: a quarter of so few was one at times.
    "variants": {"pseudo_fakes": {"restoration": 1.0}},
    "spectral": {"blocks": ["radial", "npr"]},
    "finetune": {"folds": 2, "n_models": 1, "nets": {"face": None, "texture": TEXTURE}},
    "train": {"folds": 2, "num_boost_round": 10, "early_stopping": 5, "min_data_in_leaf": 2},
    "evaluate": {"bootstrap": 5, "ablation_num_boost_round": 5},
    "report": {"errors": 2, "permutation_repeats": 1},
    "compute": {"workers": 1, "backend": "sequential"},
}


def environment(programs: Path | None = None) -> dict[str, str]:
    """Variables under which commands of this environment are found, and behave alike everywhere.

    programs : a folder for the beginning of PATH.
    """
    folders = [str(programs)] if programs else []
    path = os.pathsep.join([*folders, str(Path(sys.executable).parent), os.environ["PATH"]])
    threads = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
    variables = {**os.environ, **threads, "PATH": path, "DVC_NO_ANALYTICS": "1", "PYTHONPATH": ""}
    variables.pop("PYTHONDONTWRITEBYTECODE", None)  # a person's stages keep what they have compiled
    return variables


def call(folder: Path, *command: str, programs: Path | None = None) -> str:
    """Run a command of this environment in `folder`; returns its output."""
    done = subprocess.run(
        command, cwd=folder, env=environment(programs), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def make_clone(folder: Path, empty: Path) -> None:
    """The files of this tree in a repository of their own, with a few faces and the smallest settings.

    empty : a folder; to a repository there every file is new, in a source archive without .git too.
    """
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
    small_faces(folder / "data/demo", images=48)
    torch.manual_seed(0)
    state = timm.create_model(MODEL).state_dict()
    for name, tensor in state.items():
        if name.endswith("running_mean"):
            tensor.normal_(std=0.1)  # as training leaves it
    save_file(state, folder / f"data/weights/{MODEL}.safetensors")
    (folder / f"data/weights/{MODEL}.json").write_text(json.dumps({"input_size": 32}))
