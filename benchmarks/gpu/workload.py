"""What the run works on, all of it made here: pictures, nets of random weights, a bundle."""

from __future__ import annotations

import contextlib
import copy
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import yaml
from numpy.typing import NDArray
from torch import nn

from models.nets.build import build
from models.nets.checkpoints import Checkpoint
from models.nets.net_spec import NetSpec
from pipeline import faces, finetune, generate, manifest, spectral, train
from pipeline.demo.dataset import make_dataset
from pipeline.runtime import params

Pixels = NDArray[np.uint8]
ROOT = Path(__file__).resolve().parents[2]
RECIPE = ROOT / "recipes/gpu.yaml"
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
LOGIT_SPREAD = 2.0  # standard deviation of the logits of a net of random weights
LARGE = 512  # px; side of the pictures that the whole path is timed on


@dataclass(frozen=True)
class Size:
    """How much of everything.

    Attributes
    ----------
    drawn : int
        Demo pictures.
    timed : int
        Pictures of a timed run.
    repeats : int
        Timed runs of each work.
    copies : int
        Of the timed pictures, for the whole path: several processes share a GPU where there is enough to do.
    overlay : dict
        Laid over params.yaml and over the recipe: smaller nets in a rehearsal.
    """

    drawn: int
    timed: int
    repeats: int
    copies: int
    overlay: dict[str, Any] = field(default_factory=dict)


FULL = Size(drawn=96, timed=256, repeats=3, copies=4)
_TINY = {"model": "mobilenetv3_small_050", "size": 32, "epochs": 1, "batch_size": 8}
REHEARSAL = Size(
    drawn=24,
    timed=4,
    repeats=1,
    copies=1,
    overlay={
        "spectral": {"blocks": ["radial", "npr", "contrast"]},
        "variants": {"degraded": 0.5, "pseudo_fakes": {"blend": 1, "resynthesis": 0, "restoration": 0}},
        "finetune": {"folds": 2, "nets": {"face": _TINY, "seam": None, "texture": None}},
        "train": {"folds": 2, "num_boost_round": 10, "min_data_in_leaf": 2},
    },
)


@dataclass(frozen=True)
class Workload:
    """Pictures, nets and a bundle in one folder.

    Attributes
    ----------
    folder : Path
        For everything that is made; new.
    device : str
        What is compared with the CPU, a torch device.
    size : Size
    cores : int
        Processes and threads of what runs beside the device.
    """

    folder: Path
    device: str
    size: Size
    cores: int

    @cached_property
    def files(self) -> list[Path]:
        """Drawn faces, every third of them in a picture of 512 px."""
        root = self.folder / "demo"
        make_dataset(root, images=self.size.drawn, seed=0, workers=self.cores)
        files = sorted(root.glob("*set/*.jpg"))
        for path in files[::3]:
            _write_large(path, path)
        return files

    @cached_property
    def large_files(self) -> list[Path]:
        """As many files of 512 px as a timed run has pictures."""
        folder = self.folder / "large"
        folder.mkdir()
        made = [folder / f"{i}.jpg" for i in range(self.size.timed)]
        for index, path in enumerate(made):
            if index < len(self.files):
                _write_large(self.files[index], path)
            else:
                shutil.copy(made[index % len(self.files)], path)
        return made

    @cached_property
    def pictures(self) -> list[Pixels]:
        """The drawn faces, tight crops of them, small ones of odd sides, noise and a flat picture."""
        drawn = [_read(path) for path in self.files]
        tight = [
            np.ascontiguousarray(p[p.shape[0] // 5 : -p.shape[0] // 6, p.shape[1] // 5 : -p.shape[1] // 5])
            for p in drawn[:: max(len(drawn) // 24, 1)]
        ]
        odd = [
            cv2.resize(p, (93 + 7 * i, 96 + 7 * i), interpolation=cv2.INTER_AREA)
            for i, p in enumerate(drawn[:12])
        ]
        noise = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
        return [*drawn, *tight, *odd, noise, np.full((64, 48, 3), 128, np.uint8)]

    @cached_property
    def params(self) -> params.Params:
        """The shipped parameters, smaller in a rehearsal; no net starts from a checkpoint."""
        return params.parse(self._tree(), where="params.yaml")

    @cached_property
    def recipe(self) -> params.Params:
        """Those of recipes/gpu.yaml."""
        return params.parse(self._tree(params.read_mapping(RECIPE)), where=RECIPE.name)

    def _tree(self, *overlays: dict[str, Any]) -> dict[str, Any]:
        tree: dict[str, Any] = params.read_mapping(ROOT / "params.yaml")
        for overlay in (*overlays, self.size.overlay):
            tree = params.merge(tree, overlay)
        for net in tree["finetune"]["nets"].values():
            net["weights"] = "none"
        return tree

    def crops(self, size: int, count: int) -> list[Pixels]:
        """So many faces as a net sees them, uint8 (size, size, 3), RGB."""
        drawn = [_read(path) for path in self.files]
        return [
            cv2.resize(drawn[i % len(drawn)], (size, size), interpolation=cv2.INTER_AREA)
            for i in range(count)
        ]

    @cached_property
    def bundle(self) -> Path:
        """A bundle of the shipped nets, trained on the device for one epoch on the drawn faces.

        Raises
        ------
        RuntimeError
            Where that was tried before and failed.
        """
        run = self.folder / "run"
        if run.exists():
            raise RuntimeError("there is no bundle: its training failed, see step `stages`")
        (run / "weights").mkdir(parents=True)
        _ = self.files
        tree = copy.deepcopy(self._tree())
        tree["data"] = {"root": str(self.folder / "demo"), "weights": str(run / "weights")}
        tree["manifest"]["calibration"] = 0
        tree["embed"]["backbones"] = {}
        for net in tree["finetune"]["nets"].values():
            net["epochs"] = 1
        tree["compute"] = {"device": self.device, "workers": self.cores, "shard_size": 16}
        (run / "params.yaml").write_text(yaml.safe_dump(tree, sort_keys=False), encoding="utf-8")
        with contextlib.chdir(run):
            for stage in (manifest, faces, generate, spectral):
                stage.main([])
            for name in tree["finetune"]["nets"]:
                finetune.main([name])
            train.main([])
        return run / "cache/model"


def spec_of(net: params.Net) -> NetSpec:
    """How a net of the parameters is fed."""
    return NetSpec(
        model=net.model,
        model_args={},
        input=net.input,
        crop=net.crop,
        size=net.size,
        mean=MEAN,
        std=STD,
        origin="random weights",
        heads=tuple(net.heads),
        normalise=net.normalise,
    )


def random_state(spec: NetSpec, crops: Sequence[Pixels], *, seed: int) -> dict[str, torch.Tensor]:
    """Random weights of a backbone, with batch-norm statistics of these crops and logits of LOGIT_SPREAD.

    Without them a difference of logits would say nothing: timm's fresh nets give about the same to every picture.
    """
    torch.manual_seed(seed)
    net = build(spec)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the plain mean over the batches
    pixels = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2)
    head: Any = net[1].get_classifier()
    with torch.no_grad():
        net.train()(pixels)
        out = net.eval()(pixels)
        head.weight.mul_(LOGIT_SPREAD / out.std(0).clamp(min=1e-6)[:, None])
        head.bias.zero_()
        head.bias.sub_(net(pixels).mean(0))
    return {name: tensor.clone() for name, tensor in net[1].state_dict().items()}


def checkpoint(state: dict[str, torch.Tensor]) -> Checkpoint:
    """Random weights as something that a fine-tuning starts from."""
    return Checkpoint(state=state, origin="random weights")


def _read(path: Path) -> Pixels:
    return np.ascontiguousarray(cv2.imread(str(path))[:, :, ::-1])


def _write_large(source: Path, target: Path) -> None:
    picture = cv2.resize(cv2.imread(str(source)), (LARGE, LARGE), interpolation=cv2.INTER_CUBIC)
    cv2.imwrite(str(target), picture, [cv2.IMWRITE_JPEG_QUALITY, 92])
