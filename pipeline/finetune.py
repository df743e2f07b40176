"""Stage `finetune@<net>`: fold-wise fine-tuning; train rows get the logits of a net that never saw them."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.cpu_engine import Precision
from pipeline.runtime import params, paths
from pipeline.runtime.command import run
from pipeline.samples.feature_table import SEEN_BY_EVERY_NET, block_folder, read_faces
from pipeline.samples.net_folds import ALL_NETS, nets_for_rows, prepare, train_folds
from pipeline.samples.net_job import Job
from pipeline.samples.net_rows import NetExtractor, net_precision, save_net, skip_net
from pipeline.samples.pictures import read_plan
from pipeline.samples.shards import fill, finish
from pipeline.samples.typical_faces import save_typical
from pipeline.samples.variants import expand, items_of
from pipeline.storage.addresses import net_code
from pipeline.storage.feature_store import SkippedError, Store, version_of
from pipeline.storage.unmade import Unmade


def logits_version(job: Job, *, precision: Precision) -> str:
    """Address of the net's logits: what it was trained on, and how it is run."""
    facts = {"training": job.version, "code": net_code(), "mirror": job.net.mirror, "precision": precision}
    return version_of(facts)


def fill_logits(
    job: Job,
    rows: pd.DataFrame,
    faces: NDArray[np.float32],
    *,
    folder: Path,
    compute: params.Compute,
    precision: Precision,
) -> None:
    """Logits of every row and variant: train from the net that never saw it, others from the mean of all.

    A train row that every net saw gets NaN: no honest logit of it exists.
    """
    block = f"net_{job.name}"
    version = logits_version(job, precision=precision)
    columns = tuple(f"{block}.{head}" for head in job.spec.heads)
    store = Store(block_folder(block, "net"), version, columns, "net")
    keys, member = nets_for_rows(job, rows)
    items = items_of(rows, faces, job.plan, keys=keys)
    store.prune()
    in_every_net = {items[i].row for i in np.flatnonzero(member >= job.section.members)} - store.keys()
    if in_every_net:
        nothing = np.full((len(in_every_net), len(columns)), np.nan, np.float32)
        store.write(sorted(in_every_net), nothing, [SEEN_BY_EVERY_NET] * len(in_every_net))
    unmade: list[Unmade] = []
    for index in (*range(job.section.members), ALL_NETS):
        extractor = NetExtractor(
            folder,
            None if index == ALL_NETS else index,
            job.options,
            max_pixels=job.max_pixels,
            device=compute.device,
            precision=precision,
        )
        chosen = [items[i] for i in np.flatnonzero(member == index)]
        describe = f"logits of {job.name}, {'all folds' if index == ALL_NETS else f'fold {index}'}"
        unmade += fill(chosen, extractor, {block: store}, describe=describe, compute=compute, nets=True)
    finish(block, [store], unmade, rows=len(items))


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
    if name not in section.nets:
        raise params.ParamsError(f"finetune.nets has no '{name}'; it has {', '.join(section.nets) or 'none'}")
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
    precision = net_precision(compute)
    weights = train_folds(job, compute=compute)
    save_net(folder, job.spec, weights, mirror=job.net.mirror, precision=precision)
    save_typical(job, rows, faces, folder=folder, device=compute.device)
    fill_logits(job, *expand(rows, faces, job.plan), folder=folder, compute=compute, precision=precision)


if __name__ == "__main__":
    run("finetune")
