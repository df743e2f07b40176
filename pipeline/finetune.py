"""Stage `finetune@<net>`: fold-wise fine-tuning; train rows get the logits of a net that never saw them."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from safetensors.torch import load_file
from tqdm import tqdm

from models.folds import assign
from models.nets.checkpoints import Checkpoint, find
from models.nets.face_net import NETS_VERSION, FaceNet, NetSpec
from models.nets.sampler import PairedSampler
from models.nets.training import FINETUNE_VERSION, Schedule, train_fold
from pipeline.runtime import params
from pipeline.runtime.command import run
from pipeline.runtime.process import limit_threads, pick_device
from pipeline.samples.feature_table import block_folder, net_keys, read_faces
from pipeline.samples.net_rows import NETS, fill_net, leave_out, net_spec
from pipeline.samples.training_images import TrainImages
from pipeline.samples.variants import DRAWN_VERSION, VARIANTS_VERSION, expand, items_of
from pipeline.storage.feature_store import Store, finish, version_of

RUNS = Path("cache/finetune")


@dataclass(frozen=True)
class Job:
    """One net to fine-tune.

    train : its rows, with fold; faces : their face rows; version : address of all that comes of it.
    """

    name: str
    net: params.Net
    section: params.Finetune
    checkpoint: Checkpoint
    spec: NetSpec
    options: params.Faces
    max_pixels: int
    train: pd.DataFrame
    faces: NDArray[np.float32]
    version: str

    @property
    def folder(self) -> Path:
        """Where its runs are kept for resuming."""
        return RUNS / self.name / self.version

    def images(self, kept: NDArray[np.int64]) -> TrainImages:
        """Training pictures of these of its rows."""
        return TrainImages(
            paths=self.train["path"].iloc[kept].tolist(),
            faces=self.faces[kept],
            spec=self.spec,
            options=self.options,
            max_pixels=self.max_pixels,
            degrade_prob=self.net.degrade_prob,
            real_degrade_prob=self.net.real_degrade_prob,
        )

    def sampler(self, kept: NDArray[np.int64], *, seed: int) -> PairedSampler:
        """What these of its rows teach."""
        rows = self.train.iloc[kept]
        return PairedSampler(
            target=rows["target"].to_numpy(np.int64),
            groups=rows["group"].to_numpy(str),
            sources=rows["source"].to_numpy(str),
            heads=self.spec.heads,
            balance=self.section.source_balance,
            seed=seed,
        )


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
    """Folds, weights and version of a net. Raises UserError."""
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
        "code": [FINETUNE_VERSION, NETS_VERSION, DRAWN_VERSION],
        "net": net.model_dump(),
        "spec": asdict(spec),
        "section": section.model_dump(exclude={"nets"}),
        "cuts": options.cuts(),
        "train": joblib.hash([train["key"].tolist(), train["target"].tolist(), fold.tolist()]),
    }
    return Job(
        name=name,
        net=net,
        section=section,
        checkpoint=checkpoint,
        spec=spec,
        options=options,
        max_pixels=max_pixels,
        train=train.assign(fold=fold),
        faces=faces[is_train],
        version=version_of(facts),
    )


def train_folds(job: Job, *, compute: params.Compute) -> list[Path]:
    """Train one net per fold on the rows of the other folds; returns their weights.

    One after the other, each with all that this machine has; on a cluster each on a worker of its own.
    """
    fold, members = job.train["fold"].to_numpy(), list(range(job.section.members))
    images_to_see = [job.net.epochs * int((fold != index).sum()) for index in members]
    work = partial(train_member, job=job, device=compute.device)
    with tqdm(total=sum(images_to_see), desc=f"finetune {job.name}", unit="img", mininterval=1.0) as bar:
        if compute.backend != "dask":
            return [work(index, progress=bar.update) for index in members]
        done = []
        for path, seen in zip(compute.engine().map(work, members), images_to_see, strict=True):
            done.append(path)
            bar.update(seen)
        return done


def train_member(
    index: int, *, job: Job, device: str, progress: Callable[[int], object] = lambda _: None
) -> Path:
    """Train the net that never sees fold `index`; returns its weights. progress : told the images seen."""
    kept = np.flatnonzero(job.train["fold"].to_numpy() != index)
    limit_threads(joblib.cpu_count())  # another number of threads may change low-order bits of the weights
    seed, cores, net = job.section.seed + index, joblib.cpu_count(), job.net
    schedule = Schedule(
        epochs=net.epochs,
        batch_size=min(net.batch_size, len(kept)),
        learning_rate=net.learning_rate,
        weight_decay=net.weight_decay,
        label_smoothing=net.label_smoothing,
        freeze_layers=net.freeze_layers,
        seed=seed,
        workers=cores,
    )
    return train_fold(
        job.images(kept),
        job.sampler(kept, seed=seed),
        spec=job.spec,
        checkpoint=job.checkpoint,
        schedule=schedule,
        device=pick_device(device),
        folder=job.folder / f"fold{index}",
        progress=progress,
    )


def fill_logits(
    job: Job, rows: pd.DataFrame, faces: NDArray[np.float32], *, saved: Path, compute: params.Compute
) -> None:
    """Logits of every row and variant: train from the net that never saw it, others from the mean of all.

    A train row that every net saw gets NaN: no honest logit of it exists.
    """
    columns = tuple(f"net_{job.name}.{head}" for head in job.spec.heads)
    version = version_of({"net": job.version, "variants": VARIANTS_VERSION})
    store = Store(block_folder(f"net_{job.name}"), version, columns)
    store.prune()
    known = store.keys()
    folds = dict(zip(job.train["key"], job.train["fold"], strict=True))
    is_train = (rows["split"] == "train").to_numpy()
    owner = [key.partition("-")[0] for key in rows["key"]]
    member = np.array([folds[k] if mine else -1 for k, mine in zip(owner, is_train, strict=True)])
    items = items_of(rows, faces, keys=net_keys(rows))
    seen = (item.store_key for item, own in zip(items, member, strict=True) if own >= job.section.members)
    bare = [key for key in seen if key not in known]
    if bare:
        nothing = np.full((len(bare), len(store.columns)), np.nan, np.float32)
        store.write(bare, nothing, ["every net was trained on it"] * len(bare))
    for index in (*range(job.section.members), -1):
        chosen = {
            items[i].store_key: items[i]
            for i in np.flatnonzero(member == index)
            if items[i].store_key not in known
        }
        if chosen:
            fill_net(
                list(chosen.values()),
                folder=saved,
                member=None if index < 0 else index,
                store=store,
                describe=f"logits of {job.name}, " + ("all folds" if index < 0 else f"fold {index}"),
                options=job.options,
                max_pixels=job.max_pixels,
                compute=compute,
            )
    finish(store)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m pipeline.finetune", description=__doc__)
    parser.add_argument("name", help="a key of finetune.nets in params.yaml")
    name = parser.parse_args(arguments).name
    section, options, compute = params.load("finetune"), params.load("faces"), params.load("compute")
    if params.was_removed("finetune", "nets", name):
        shutil.rmtree(RUNS / name, ignore_errors=True)
        leave_out(f"net_{name}", reason=f"net '{name}' was removed by {params.LOCAL_FILE}")
        shutil.copytree(NETS / f"net_{name}", RUNS / name / "skipped")
        return
    if name not in section.nets:
        raise params.ParamsError(f"finetune.nets has no '{name}'; it has {', '.join(section.nets) or 'none'}")
    rows, faces = read_faces()
    asked = params.load("variants")
    job = prepare(
        name,
        rows,
        faces,
        section=section,
        options=options,
        max_pixels=params.load("manifest").max_pixels,
        weights=Path(params.load("data").weights),
    )
    for stale in set((RUNS / name).glob("*")) - {job.folder}:
        shutil.rmtree(stale)
    weights = train_folds(job, compute=compute)
    saved = NETS / f"net_{name}"
    shutil.rmtree(saved, ignore_errors=True)
    FaceNet.save(saved, job.spec, [load_file(path) for path in weights])
    fill_logits(job, *expand(rows, faces, asked), saved=saved, compute=compute)


if __name__ == "__main__":
    run("finetune")
