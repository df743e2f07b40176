"""A whole small run of the pipeline: demo faces, tiny nets, every stage in dvc.yaml's order."""

import json
import os
import warnings
from pathlib import Path

import timm
import torch
import yaml
from joblib.externals.loky import get_reusable_executor
from safetensors.torch import save_file

from models.generators.autoencoder import decoder, encoder
from pipeline import (
    audit,
    embed,
    evaluate,
    faces,
    finetune,
    generate,
    manifest,
    predict,
    report,
    spectral,
    train,
)

MODEL = "test_efficientnet"  # timm's smallest of the make that the recipe has
TINY = {
    "data": {"root": "demo", "weights": "weights"},
    "manifest": {},
    "faces": {},
    "spectral": {"blocks": ["radial", "npr", "contrast"]},
    "variants": {"degraded": 1, "pseudo_fakes": {"blend": 1, "resynthesis": 1, "reconstruction": 0.25}},
    "embed": {"backbones": {"small": {"model": MODEL}, "absent": {"model": "mobilenetv2_035"}}},
    "finetune": {
        "folds": 2,
        "nets": {
            "rgb": {
                "model": MODEL,
                "size": 48,
                "epochs": 1,
                "batch_size": 8,
                "learning_rate": 0.003,
                "heads": ["labelled"],
            },
            "npr": {
                "model": MODEL,
                "weights": "none",
                "input": "npr",
                "crop": "native",
                "size": 48,
                "train_size": 40,
                "epochs": 1,
                "batch_size": 8,
                "learning_rate": 0.003,
                "heads": ["blend", "resynthesis", "reconstruction"],
            },
        },
    },
    "train": {"folds": 2, "num_boost_round": 30, "early_stopping": 10, "min_data_in_leaf": 5},
    "evaluate": {"bootstrap": 20, "ablation_num_boost_round": 10},
    "report": {"top": 5, "errors": 4, "permutation_repeats": 1},
    "compute": {"workers": 1, "backend": "sequential", "shard_size": 16},
}


def tiny_weights(folder):
    """A checkpoint of a tiny net with batch-norm statistics as training leaves them, and an auto-encoder."""
    torch.manual_seed(0)
    state = timm.create_model(MODEL).state_dict()
    for name, tensor in state.items():
        if name.endswith("running_mean"):
            tensor.normal_(std=0.1)
    folder.mkdir()
    save_file(state, folder / f"{MODEL}.safetensors")
    (folder / f"{MODEL}.json").write_text(json.dumps({"input_size": 48}))
    (folder / "tiny").mkdir()
    for name, make in (("encoder", encoder), ("decoder", decoder)):
        save_file(make(latents=4, pooled=False).state_dict(), folder / "tiny" / f"tiny_{name}.safetensors")


def write_params(folder, **changes):
    """params.yaml of the small run, sections replaced by name."""
    (folder / "params.yaml").write_text(yaml.safe_dump({**TINY, **changes}, sort_keys=False))


def trained(folder):
    """The nets of the settings in force."""
    return yaml.safe_load((folder / "params.yaml").read_text())["finetune"]["nets"]


def run_stages(
    folder,
    names=(
        "manifest",
        "faces",
        "generate",
        "spectral",
        "embed",
        "finetune",
        "audit",
        "train",
        "evaluate",
        "report",
        "predict",
    ),
    nets=None,
):
    """Run stages in `folder`, in order; stage finetune for each of `nets`, those of its settings without."""
    stages = {
        "manifest": lambda: manifest.main([]),
        "faces": lambda: faces.main([]),
        "generate": lambda: generate.main([]),
        "spectral": lambda: spectral.main([]),
        "embed": lambda: [embed.main([name]) for name in TINY["embed"]["backbones"]],
        "finetune": lambda: [finetune.main([name]) for name in nets or trained(folder)],
        "audit": lambda: audit.main([]),
        "train": lambda: train.main([]),
        "evaluate": lambda: evaluate.main([]),
        "report": lambda: report.main([]),
        "predict": lambda: predict.main([]),
    }
    before = Path.cwd()
    get_reusable_executor().shutdown(wait=True)  # idle workers stand in the folder of an earlier run
    os.chdir(folder)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for name in names:
                stages[name]()
    finally:
        os.chdir(before)
