"""What a person would glue together from the same libraries, one image after the other, and our path beside it.

PIL, facenet-pytorch with its defaults, a timm backbone, the azimuthal spectrum and 8×8 DCT statistics in numpy and
scipy, LightGBM. Ours has the same backbone and every spectral block.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import scipy.fft
import timm
import torch
from facenet_pytorch import MTCNN
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import save_file

from benchmarks.quality.ours import Recipe, parameters, train
from benchmarks.quality.rows import drawn, read, write_dataset
from benchmarks.speed.parts import prepare
from benchmarks.speed.timing import row, side_by_side, table
from models.bundle import Bundle
from pipeline.runtime.engine import Engine
from pipeline.serving.scoring import stream_rows

MODEL, SIZE = "mobilenetv2_100", 224
EACH = 60  # training images of each source and class; how good the model is does not matter here


class Glue:
    """The script. score : file -> probability of fake."""

    def __init__(self) -> None:
        self.mtcnn = MTCNN(device="cpu")
        self.net = timm.create_model(MODEL, num_classes=0).eval()
        rng = np.random.default_rng(0)
        features = rng.normal(size=(400, self.net.num_features + 112 + 128))
        data = lgb.Dataset(features, rng.integers(0, 2, 400))
        self.trees = lgb.train({"objective": "binary", "num_leaves": 31, "verbosity": -1}, data, 300)

    def score(self, path: Path) -> float:
        picture = Image.open(path, formats=("JPEG", "PNG", "WEBP")).convert("RGB")
        boxes, _ = self.mtcnn.detect(picture)
        box = boxes[0] if boxes is not None else (0, 0, *picture.size)
        face = picture.crop(tuple(int(v) for v in box)).resize((SIZE, SIZE))
        x = torch.from_numpy(np.asarray(face).copy()).permute(2, 0, 1)[None].float() / 127.5 - 1
        with torch.no_grad():
            embedding = self.net(x)[0].numpy()
        grey = np.asarray(face.convert("L"), dtype=np.float64)
        row = np.concatenate([embedding, azimuthal(grey), block_statistics(grey)])
        return float(self.trees.predict(row[None])[0])

    def score_all(self, paths: Sequence[Path]) -> list[float]:
        return [self.score(path) for path in paths]


def azimuthal(grey: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean log power by whole radius, (SIZE // 2,), as in Durall et al. 2019's published code."""
    power = np.log(np.abs(np.fft.fftshift(np.fft.fft2(grey))) ** 2 + 1e-8)
    y, x = np.indices(power.shape)
    radius = np.hypot(y - SIZE // 2, x - SIZE // 2).astype(int)
    sums = np.bincount(radius.ravel(), power.ravel())
    return np.asarray((sums / np.bincount(radius.ravel()))[: SIZE // 2])


def block_statistics(grey: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean magnitude and deviation of the 64 coefficients of 8×8 blocks, (128,)."""
    blocks = grey.reshape(SIZE // 8, 8, SIZE // 8, 8).transpose(0, 2, 1, 3).reshape(-1, 8, 8)
    coefficients = np.stack([scipy.fft.dctn(block, norm="ortho") for block in blocks]).reshape(-1, 64)
    return np.concatenate([np.abs(coefficients).mean(0), coefficients.std(0)])


def without_nets(tree: Any) -> dict[str, Any]:
    """Overlay of params.yaml: the frozen backbone and every spectral block, no fine-tuned net."""
    backbone = {"model": MODEL, "weights": "auto", "size": SIZE}
    return {
        "embed": {"backbones": {MODEL: backbone}},
        "variants": {"degraded": 0, "pseudo_fakes": dict.fromkeys(tree["variants"]["pseudo_fakes"], 0)},
        "finetune": {"nets": dict.fromkeys(tree["finetune"]["nets"])},
    }


def checkpoint(folder: Path) -> Path:
    """A weights folder with an untrained MODEL: a frozen net without weights would be left out."""
    folder.mkdir()
    torch.manual_seed(0)
    state = timm.create_model(MODEL).state_dict()
    for name, tensor in state.items():
        if name.endswith("running_mean"):
            tensor.normal_(std=0.1)
    save_file(state, folder / f"{MODEL}.safetensors")
    (folder / f"{MODEL}.json").write_text(json.dumps({"input_size": SIZE}))
    return folder


def bundle(folder: Path, data: Path) -> Path:
    """A bundle with MODEL, trained in `folder` on a few images of `data`."""
    rows = drawn(read(data), by=["split", "source", "target"], each=EACH)
    root = write_dataset(rows, folder / "data")
    text = parameters(Recipe(root, checkpoint(folder / "weights")), holdout_source=None, changes=without_nets)
    train(folder, text, lender=None)
    trained = folder / "cache/model"
    if f"embed_{MODEL}" not in Bundle.load(trained).info.blocks:
        raise ValueError(f"{trained} lacks the backbone, so nothing can be compared")
    return trained


def predict(paths: Sequence[Path], data: Path, *, rounds: int) -> str:
    """The whole way from files to scores on every core, ours in processes, theirs in torch's threads."""
    cores = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder:
        trained = bundle(Path(folder), data)
        glue, files = Glue(), [(str(path), str(path)) for path in paths]
        prepare(cores)  # the script's libraries use every core, as they do by default
        works = {
            "glue": lambda: glue.score_all(paths),
            "ours": lambda: list(
                stream_rows(files, folder=trained, device="cpu", engine=Engine(workers=cores))
            ),
        }
        times = side_by_side(works, rounds=rounds, describe="predict")
        prepare()
    rows = [row(f"{MODEL} and spectra", times, ours="ours", other="glue", images=len(paths))]
    return table(f"From file to score, {cores} cores", "glue script", rows)
