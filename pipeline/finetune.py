"""Stage `finetune@<net>`: fold-wise fine-tuning; train rows get the logit of a net that never saw them."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from safetensors.torch import load_file
from tqdm import tqdm

from features.views import Crop, plan_crop
from models.augment import degrade, jitter
from models.finetune import FINETUNE_VERSION, Schedule, train_fold
from models.folds import assign
from models.nets import NETS_VERSION, FaceNet, NetSpec, crop_for
from models.process import pick_device
from models.weights import Checkpoint, WeightsError, find
from pipeline import params
from pipeline.command import run
from pipeline.facerows import to_face
from pipeline.images import read_image
from pipeline.netrows import NETS, fill_net
from pipeline.store import Store, version_of, write_index
from pipeline.table import block_folder, net_keys, read_faces

RUNS = Path("cache/finetune")


@dataclass(frozen=True)
class TrainImages:
    """Augmented training pictures of one net; (row, epoch) alone decides what is drawn."""

    paths: list[str]
    faces: NDArray[np.float32]
    spec: NetSpec
    options: params.Faces
    max_pixels: int
    seed: int

    def __call__(self, row: int, epoch: int) -> NDArray[np.uint8]:
        """uint8 (size, size, 3), RGB."""
        rng = np.random.default_rng([self.seed, epoch, row])
        pixels = read_image(self.paths[row], max_pixels=self.max_pixels).pixels
        height, width = pixels.shape[:2]
        crop = plan_crop(to_face(self.faces[row]), height=height, width=width, **self.options.cuts())
        moved = jitter(crop, rng) if self.spec.crop == "aligned" else _shift(crop, rng)
        return degrade(crop_for(self.spec, pixels, moved), rng)

    def take(self, rows: NDArray[np.int64]) -> TrainImages:
        """The same for a subset of the rows."""
        return TrainImages(
            [self.paths[r] for r in rows],
            self.faces[rows],
            self.spec,
            self.options,
            self.max_pixels,
            self.seed,
        )


def _shift(crop: Crop, rng: np.random.Generator) -> Crop:
    """The native cut moved by up to an eighth of its side, for random windows."""
    x0, y0, x1, y1 = crop.native
    dx, dy = (int(v) for v in rng.uniform(-0.125, 0.125, 2) * (x1 - x0))
    return Crop(native=(x0 + dx, y0 + dy, x1 + dx, y1 + dy), context=crop.context, matrix=crop.matrix)


def net_spec(net: params.Net, checkpoint: Checkpoint) -> NetSpec:
    """How the net of this entry is built and fed."""
    return NetSpec(
        model=net.model,
        model_args=checkpoint.model_args,
        input=net.input,
        crop=net.crop,
        size=net.size,
        mean=checkpoint.mean,
        std=checkpoint.std,
        outputs="logit",
        origin=checkpoint.origin,
    )


def visits(sources: NDArray[np.str_], *, balance: float) -> NDArray[np.float64]:
    """Expected visits of a row per epoch, mean 1: a source of n rows weighs n to the power -balance."""
    _, which, counts = np.unique(sources, return_inverse=True, return_counts=True)
    weight = (len(sources) / counts) ** balance
    draws = weight[which]
    return np.asarray(draws / draws.mean(), dtype=np.float64)


@dataclass(frozen=True)
class Job:
    """One net to fine-tune. train : its rows, with fold; version : address of all that comes of it."""

    name: str
    net: params.Net
    section: params.Finetune
    checkpoint: Checkpoint
    images: TrainImages
    train: pd.DataFrame
    version: str

    @property
    def folder(self) -> Path:
        """Where its runs are kept for resuming."""
        return RUNS / self.name / self.version


def prepare(
    name: str,
    rows: pd.DataFrame,
    faces: NDArray[np.float32],
    *,
    section: params.Finetune,
    options: params.Faces,
    max_pixels: int,
    weights: Path,
) -> Job:
    """Folds, weights and version of a net. Raises WeightsError or ValueError."""
    net = section.nets[name]
    is_train = (rows["split"] == "train").to_numpy()
    train = rows[is_train].reset_index(drop=True)
    checkpoint = find(model=net.model, weights=net.weights, folder=weights)
    fold = assign(
        train["target"].to_numpy(np.int64),
        train["group"].to_numpy(str),
        train["source"].to_numpy(str),
        folds=section.folds,
        seed=section.seed,
    )
    spec = net_spec(net, checkpoint)
    facts = {
        "code": [FINETUNE_VERSION, NETS_VERSION],
        "net": net.model_dump(),
        "spec": asdict(spec),
        "section": section.model_dump(exclude={"nets"}),
        "cuts": options.cuts(),
        "train": joblib.hash([train["key"].tolist(), train["target"].tolist(), fold.tolist()]),
    }
    images = TrainImages(train["path"].tolist(), faces[is_train], spec, options, max_pixels, section.seed)
    return Job(name, net, section, checkpoint, images, train.assign(fold=fold), version_of(facts))


def train_folds(job: Job, *, device: str) -> list[Path]:
    """Train one net per fold on the rows of the other folds; returns their weights."""
    net, fold = job.net, job.train["fold"].to_numpy()
    target = job.train["target"].to_numpy(np.float32)
    source = job.train["source"].to_numpy(str)
    cores = joblib.cpu_count()
    done = []
    total = net.epochs * len(target) * (job.section.folds - 1)
    with tqdm(total=total, desc=f"finetune {job.name}", unit="img", mininterval=1.0) as bar:
        for index in range(job.section.folds):
            kept = np.flatnonzero(fold != index)
            schedule = Schedule(
                epochs=net.epochs,
                batch_size=min(net.batch_size, len(kept)),
                learning_rate=net.learning_rate,
                weight_decay=net.weight_decay,
                label_smoothing=net.label_smoothing,
                seed=job.section.seed + index,
                threads=cores,
                workers=cores - 1,
            )
            weights = train_fold(
                job.images.take(kept),
                target[kept],
                visits(source[kept], balance=job.section.source_balance),
                spec=job.images.spec,
                checkpoint=job.checkpoint,
                schedule=schedule,
                device=device,
                folder=job.folder / f"fold{index}",
                progress=bar.update,
            )
            done.append(weights)
    return done


def fill_logits(
    job: Job, rows: pd.DataFrame, faces: NDArray[np.float32], *, saved: Path, compute: params.Compute
) -> None:
    """Logits of every row: train from the fold that never saw it, the others from the mean of all."""
    store = Store(block_folder(f"net_{job.name}"), job.version, (f"net_{job.name}.logit",))
    store.prune()
    known = store.keys()
    member = np.full(len(rows), -1)
    member[(rows["split"] == "train").to_numpy()] = job.train["fold"]
    items = list(zip(net_keys(rows), rows["path"], faces, strict=True))
    for index in (*range(job.section.folds), -1):
        chosen = {items[i][0]: items[i] for i in np.flatnonzero(member == index) if items[i][0] not in known}
        if chosen:
            fill_net(
                list(chosen.values()),
                folder=saved,
                member=None if index < 0 else index,
                store=store,
                describe=f"logits of {job.name}, " + ("all folds" if index < 0 else f"fold {index}"),
                options=job.images.options,
                max_pixels=job.images.max_pixels,
                compute=compute,
            )
    write_index(store)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m pipeline.finetune", description=__doc__)
    parser.add_argument("name", help="a key of finetune.nets in params.yaml")
    name = parser.parse_args(arguments).name
    section, options, compute = params.load("finetune"), params.load("faces"), params.load("compute")
    if name not in section.nets:
        parser.error(f"finetune.nets has no '{name}'; it has {', '.join(section.nets) or 'none'}")
    rows, faces = read_faces(["train", "val", "test"])
    try:
        job = prepare(
            name,
            rows,
            faces,
            section=section,
            options=options,
            max_pixels=params.load("manifest").max_pixels,
            weights=Path(params.load("data").weights),
        )
    except (WeightsError, ValueError) as error:
        parser.error(str(error))
    for stale in set((RUNS / name).glob("*")) - {job.folder}:
        shutil.rmtree(stale)
    weights = train_folds(job, device=pick_device(compute.device))
    saved = NETS / f"net_{name}"
    shutil.rmtree(saved, ignore_errors=True)
    FaceNet.save(saved, job.images.spec, [load_file(path) for path in weights])
    fill_logits(job, rows, faces, saved=saved, compute=compute)


if __name__ == "__main__":
    run("finetune")
