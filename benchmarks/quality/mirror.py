"""Whether a net gains by the mirror image of its pictures: `python -m benchmarks.quality.mirror`, in a finished run's folder.

Each net of the bundle scores the val faces with and without it. The table has the AUC of its logits and of the whole score, in
which the stacker sees the other net's numbers as it was trained on them; differences with 95 % intervals by group.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.views import plan_crop
from models.bundle import Bundle
from models.nets.crops import crop_for
from models.nets.face_net import FaceNet
from pipeline.evaluation.auc_interval import auc_difference
from pipeline.evaluation.metrics import auc
from pipeline.runtime import params, paths
from pipeline.runtime.process import limit_threads
from pipeline.samples.feature_table import read_faces, read_table
from pipeline.samples.pictures import read_plan
from pipeline.samples.variants import Item, items_of
from pipeline.serving.bundles import load_bundle

BATCH = 32


@dataclass(frozen=True)
class Both:
    """Logits of a net, float32 (n, heads), and seconds that they took: of the picture alone and with its mirror image."""

    plain: NDArray[np.float32]
    mirrored: NDArray[np.float32]
    seconds_plain: float
    seconds_mirrored: float


def both(net: FaceNet, pictures: Iterator[list[NDArray[np.uint8]]]) -> Both:
    """Run a net both ways over batches of its pictures, in turn."""
    rows: dict[bool, list[NDArray[np.float32]]] = {False: [], True: []}
    seconds = {False: 0.0, True: 0.0}
    kept = net.mirror
    try:
        for batch in pictures:
            for mirror in (False, True):
                net.mirror = mirror
                start = time.perf_counter()
                rows[mirror].append(net(batch))
                seconds[mirror] += time.perf_counter() - start
    finally:
        net.mirror = kept
    return Both(np.concatenate(rows[False]), np.concatenate(rows[True]), seconds[False], seconds[True])


def pictures_of(net: FaceNet, items: Sequence[Item]) -> Iterator[list[NDArray[np.uint8]]]:
    """The net's pictures of these faces, in batches."""
    options, limit = params.load("faces"), params.load("manifest").max_pixels
    for start in range(0, len(items), BATCH):
        batch = []
        for item in items[start : start + BATCH]:
            pixels, face = item.read(max_pixels=limit)
            height, width = pixels.shape[:2]
            crop = plan_crop(face, height=height, width=width, **options.cuts())
            batch.append(crop_for(net.spec, pixels, crop))
        yield batch


def compare(
    bundle: Bundle, name: str, logits: Both, *, features: pd.DataFrame, rows: pd.DataFrame
) -> list[str]:
    """Lines of the table for one net: each of its heads, then the whole score.

    features : the val rows as the stacker sees them; rows : with `target` and `group`.
    """
    columns = bundle.info.blocks[name].columns
    target, groups = rows["target"].to_numpy(), rows["group"].to_numpy(str)
    scored = {column: (logits.plain[:, i], logits.mirrored[:, i]) for i, column in enumerate(columns)} | {
        "score": tuple(
            bundle.stacker.predict(features.assign(**dict(zip(columns, values.T, strict=True))))
            for values in (logits.plain, logits.mirrored)
        )
    }
    lines = []
    for what, (plain, mirrored) in scored.items():
        lines.append(
            f"| {name} | {what} | {auc(target, plain):.4f} | {auc(target, mirrored):.4f} | "
            f"{shown(auc_difference(target, mirrored, plain, groups))} |"
        )
    per = 1000 / len(features)
    lines.append(
        f"| {name} | ms a picture | {logits.seconds_plain * per:.2f} | {logits.seconds_mirrored * per:.2f} | |"
    )
    return lines


def shown(gain: dict[str, float | None]) -> str:
    """A difference with its interval, as far as there is one."""
    value, low, high = (
        "?" if gain[name] is None else f"{gain[name]:+.4f}" for name in ("value", "low", "high")
    )
    return f"{value} ({low} to {high})"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality.mirror", description=__doc__)
    parser.add_argument("--limit", type=int, help="val faces, drawn at random (default: all)")
    args = parser.parse_args(arguments)
    limit_threads(1)
    bundle = load_bundle(paths.BUNDLE, "cpu")
    table = read_table(["val"], bundle.info.sorts)
    rows, faces = read_faces(["val"])
    place = {key: i for i, key in enumerate(rows["key"])}
    drawn = np.random.default_rng(0).permutation(len(table.rows))[: args.limit]
    chosen = np.array([place[key] for key in table.rows["key"].iloc[drawn]])
    plan = read_plan(params.load("variants"))
    items = items_of(rows.iloc[chosen].reset_index(drop=True), faces[chosen], plan)
    features = table.features.iloc[drawn].reset_index(drop=True)
    of_rows = table.rows.iloc[drawn].reset_index(drop=True)
    print(
        "| net | | AUC of the picture alone | with its mirror image | gain (95 % interval) |\n|---|---|---|---|---|"
    )
    for name in bundle.info.blocks_of("net"):
        net = bundle.nets[name]
        logits = both(net, pictures_of(net, items))
        print("\n".join(compare(bundle, name, logits, features=features, rows=of_rows)), flush=True)


if __name__ == "__main__":
    main()
