"""Stage `finetune@<net>`: fold-wise fine-tuning; train rows get the logits of a net that never saw them."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from models.nets.net_spec import member_file, write_record
from pipeline.runtime import params, paths
from pipeline.runtime.command import run
from pipeline.samples.feature_table import block_folder, read_faces
from pipeline.samples.net_folds import ALL_NETS, nets_for_rows, prepare, train_member
from pipeline.samples.net_job import Job
from pipeline.samples.net_rows import NetExtractor, skip_net
from pipeline.samples.pictures import read_plan
from pipeline.samples.shards import fill
from pipeline.samples.variants import expand, items_of
from pipeline.storage.addresses import net_code
from pipeline.storage.feature_store import SkippedError, Store, publish, version_of
from pipeline.storage.files import link_or_copy


def train_folds(job: Job, *, compute: params.Compute) -> list[Path]:
    """Train one net per fold on the rows of the other folds; returns their weights.

    One after the other, each with all that this machine has; on a cluster each on a worker of its own.
    """
    folds = list(range(job.section.members))
    images = [job.images_to_see(fold) for fold in folds]
    train = partial(train_member, job=job, device=compute.device)
    with tqdm(total=sum(images), desc=f"finetune {job.name}", unit="img", mininterval=1.0) as bar:
        if compute.backend != "dask":
            return [train(fold, progress=bar.update) for fold in folds]
        weights = []
        for path, seen in zip(compute.engine().map(train, folds), images, strict=True):
            weights.append(path)
            bar.update(seen)
        return weights


def save_net(job: Job, weights: Sequence[Path], folder: Path) -> None:
    """The finished net as a folder of its own; its weights lie once, under two names."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for index, path in enumerate(weights):
        link_or_copy(path, member_file(folder, index))
    write_record(folder, job.spec, members=len(weights))


def fill_logits(
    job: Job, rows: pd.DataFrame, faces: NDArray[np.float32], *, folder: Path, compute: params.Compute
) -> None:
    """Logits of every row and variant: train from the net that never saw it, others from the mean of all.

    A train row that every net saw gets NaN: no honest logit of it exists.
    """
    block = f"net_{job.name}"
    version = version_of({"training": job.version, "code": net_code()})
    columns = tuple(f"{block}.{head}" for head in job.spec.heads)
    store = Store(block_folder(block, "net"), version, columns, "net")
    keys, member = nets_for_rows(job, rows)
    items = items_of(rows, faces, job.plan, keys=keys)
    store.prune()
    in_every_net = {items[i].row for i in np.flatnonzero(member >= job.section.members)} - store.keys()
    if in_every_net:
        nothing = np.full((len(in_every_net), len(columns)), np.nan, np.float32)
        store.write(sorted(in_every_net), nothing, ["every net was trained on it"] * len(in_every_net))
    for index in (*range(job.section.members), ALL_NETS):
        of_all = index == ALL_NETS
        extractor = NetExtractor(
            folder, None if of_all else index, job.options, max_pixels=job.max_pixels, device=compute.device
        )
        chosen = [items[i] for i in np.flatnonzero(member == index)]
        describe = f"logits of {job.name}, {'all folds' if of_all else f'fold {index}'}"
        fill(chosen, extractor, {block: store}, describe=describe, compute=compute, nets=True)
    publish(store)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the stage for one net."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.finetune", description=__doc__)
    parser.add_argument("name", help="a key of finetune.nets in params.yaml")
    name = parser.parse_args(arguments).name
    section, compute = params.load("finetune"), params.load("compute")
    folder, runs = paths.NETS / f"net_{name}", paths.FINETUNE / name
    if params.was_removed("finetune", "nets", name):
        skip_net(name, reason=f"net '{name}' was removed by {params.LOCAL_FILE}")
        return
    rows, faces = read_faces()
    try:
        job = prepare(
            name,
            rows,
            faces,
            section=section,
            options=params.load("faces"),
            max_pixels=params.load("manifest").max_pixels,
            weights=Path(params.load("data").weights),
            plan=read_plan(params.load("variants")),
        )
    except SkippedError as reason:
        skip_net(name, reason=str(reason))
        return
    for stale in set(runs.glob("*")) - {job.folder}:
        shutil.rmtree(stale)
    save_net(job, train_folds(job, compute=compute), folder)
    fill_logits(job, *expand(rows, faces, job.plan), folder=folder, compute=compute)


if __name__ == "__main__":
    run("finetune")
