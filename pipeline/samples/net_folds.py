"""The folds of a fine-tuned net: what each is trained on, and which net may score which row."""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.folds import assign
from models.generators.registry import GENERATORS
from models.nets.checkpoints import find
from models.nets.training import Schedule, train_fold
from pipeline.runtime import params, paths
from pipeline.runtime.process import limit_threads, pick_device
from pipeline.runtime.tally import Tally, shown
from pipeline.samples.feature_table import net_keys
from pipeline.samples.net_job import Job
from pipeline.samples.net_rows import net_spec
from pipeline.samples.variants import VariantPlan
from pipeline.storage.addresses import training_code
from pipeline.storage.feature_store import SkippedError, version_of
from pipeline.storage.hashed_files import ChangedFile
from pipeline.storage.row_key import RowKey
from pipeline.storage.unmade import FilesGoneError, Unmade, write_issues

ALL_NETS = -1  # of a row that no net was trained on: the mean of all


def prepare(
    name: str,
    rows: pd.DataFrame,
    faces: NDArray[np.float32],
    *,
    section: params.Finetune,
    options: params.Faces,
    max_pixels: int,
    weights: Path,
    plan: VariantPlan,
) -> Job:
    """Folds, weights and version of a net.

    Parameters
    ----------
    name : str
        A key of finetune.nets.
    rows : DataFrame, n rows
        With `split`, `target`, `group`, `source`, `key` and `path`; only those of the split train are used.
    faces : float32 array, shape (n, 17)
        Their rows of the face table.
    section : params.Finetune
    options : params.Faces
    max_pixels : int
        A larger image is refused.
    weights : Path
        Folder of weights, see `models.nets.checkpoints.find`.
    plan : VariantPlan
        Which images have which pictures by generators.

    Returns
    -------
    Job

    Raises
    ------
    SkippedError
        Where the generators of all its heads are missing.
    UserError
        Where the weights cannot be used, or a class has fewer groups than there are folds.
    """
    is_train = (rows["split"] == "train").to_numpy()
    train = rows[is_train].reset_index(drop=True)
    fold = assign(
        train["target"].to_numpy(np.int64),
        train["group"].to_numpy(str),
        train["source"].to_numpy(str),
        folds=section.folds,
        seed=section.seed,
    )
    net = _learnable(name, section.nets[name], plan, train.assign(fold=fold))
    checkpoint = find(model=net.model, weights=net.weights, folder=weights)
    spec = net_spec(net, checkpoint)
    generated = {
        kind: [plan.pictures[kind].version, plan.wanted.pseudo_fakes[kind]]
        for kind in spec.heads
        if kind in plan.pictures
    }
    facts = {
        "code": training_code(spec.heads),
        "net": net.model_dump(exclude={"mirror"}),  # it changes the logits alone
        "spec": asdict(spec),
        "section": section.model_dump(exclude={"nets"}),
        "cuts": options.cuts(),
        "generated": generated,
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
        plan=plan,
        version=version_of(facts),
    )


def _learnable(name: str, net: params.Net, plan: VariantPlan, train: pd.DataFrame) -> params.Net:
    """The net with those heads alone of which every fold's net has pictures to learn from."""
    real = train[train["target"] == 0]
    keys = [RowKey.parse(key) for key in real["key"]]

    def is_drawn(kind: str) -> bool:
        has_picture = np.array([bool(plan.fakes_of(key, kind)) for key in keys], dtype=bool)
        folds = real["fold"].to_numpy()
        return kind in plan.pictures and all(
            (has_picture & (folds != fold)).any() for fold in set(train["fold"])
        )

    heads = [head for head in net.heads if head not in GENERATORS or is_drawn(head)]
    if not heads:
        reasons = "; ".join(plan.left_out.values()) or "variants.pseudo_fakes wants too few of its pictures"
        raise SkippedError(f"net '{name}' has nothing to learn: {reasons}")
    return net.model_copy(update={"heads": heads})


def train_member(fold: int, *, job: Job, device: str) -> Path:
    """Train the net that never sees a fold.

    Parameters
    ----------
    fold : int
    job : Job
    device : {"auto", "cpu", "cuda"}

    Returns
    -------
    Path
        Of the net's weights.

    Raises
    ------
    UserError
        As of `train_fold`.
    """
    kept = np.flatnonzero(job.train["fold"].to_numpy() != fold)
    limit_threads(threads_each(job.section.members), tensors=True)
    seed = job.section.seed + fold
    schedule = schedule_of(job.net, seed=seed, workers=joblib.cpu_count())
    schedule = replace(schedule, batch_size=min(schedule.batch_size, len(kept)))
    return train_fold(
        job.images(kept),
        job.sampler(kept, seed=seed),
        spec=job.spec,
        checkpoint=job.checkpoint,
        schedule=schedule,
        device=pick_device(device),
        folder=job.folder / f"fold{fold}",
        progress=Tally(_tally(job, fold)).add,
    )


def threads_each(nets: int) -> int:
    """Threads of each of some nets that are trained on this machine: its share of the cores, at least one.

    Another number may change low-order bits of the weights, so it hangs on the machine alone, not on how many nets are trained
    there at once.
    """
    return max(joblib.cpu_count() // nets, 1)


def schedule_of(net: params.Net, *, seed: int, workers: int) -> Schedule:
    """How an entry of params.yaml is trained.

    Parameters
    ----------
    net : params.Net
    seed, workers : int
        As of `Schedule`.

    Returns
    -------
    Schedule
    """
    return Schedule(
        epochs=net.epochs,
        batch_size=net.batch_size,
        learning_rate=net.learning_rate,
        weight_decay=net.weight_decay,
        label_smoothing=net.label_smoothing,
        freeze_layers=net.freeze_layers,
        tune=net.tune,
        alignment=net.alignment,
        uniformity=net.uniformity,
        seed=seed,
        workers=workers,
    )


def train_folds(job: Job, *, compute: params.Compute) -> list[Path]:
    """Train one net per fold on the rows of the other folds; returns their weights.

    All at once, each with its share of the cores: three nets on two cores take 0.74 of the time of one after the other with
    both (0.70 to 0.79 over three rounds, `python -m benchmarks.speed.finetuning`). On a GPU one after the other, on a cluster
    each on a worker of its own. A net that was shown something else would stand under the address of the whole list, so here
    a changed file ends the stage.

    Raises
    ------
    FilesGoneError
        Where a training image has another file than in stage manifest.
    """
    folds = list(range(job.section.members))
    train = partial(train_member, job=job, device=compute.device)
    tallies = [_tally(job, fold) for fold in folds]
    total = sum(job.images_to_see(fold) for fold in folds)
    try:
        with shown(tallies, total=total, describe=f"finetune {job.name}", unit="img"):
            return list(compute.training_engine(len(folds)).map(train, folds))
    except ChangedFile as changed:
        write_issues(paths.ISSUES / f"net_{job.name}.csv", [Unmade.by(changed, row="")])
        raise FilesGoneError(
            f"net '{job.name}' learns from an image whose file is not what stage manifest saw: {changed.detail}. Put it "
            "back or leave it out, then run `dvc repro`: finished epochs are kept"
        ) from None


def _tally(job: Job, fold: int) -> Path:
    return job.folder / f"fold{fold}.seen"


def nets_for_rows(job: Job, rows: pd.DataFrame) -> tuple[list[RowKey], NDArray[np.int64]]:
    """Key of each row, and which net gives its logits.

    A training image and its variants belong to the net that never saw them, every other row to all nets together.

    Returns
    -------
    list of RowKey
    int64 array, shape (n,)
        Fold of the net, or ALL_NETS. A fold beyond those that were trained: every net saw the image.
    """
    keys = net_keys(rows)
    fold_of = {
        RowKey.parse(key).face: fold for key, fold in zip(job.train["key"], job.train["fold"], strict=True)
    }
    return keys, np.array(
        [fold_of[key.face] if key.out_of_fold else ALL_NETS for key in keys], dtype=np.int64
    )
