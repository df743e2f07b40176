"""What each place of a net's picture says of real faces: the map of evidence shows the difference from it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.views import plan_crop
from models.nets.crops import crop_for
from models.nets.evidence_map import write_typical
from pipeline.runtime.process import limit_threads, pick_device
from pipeline.samples.net_job import Job
from pipeline.samples.variants import Item, items_of
from pipeline.storage.images import BadImage

FACES = 64  # whose mean is the typical one


def save_typical(
    job: Job, rows: pd.DataFrame, faces: NDArray[np.float32], *, folder: Path, device: str
) -> None:
    """Work out the map of the typical real face, and keep it beside the net's weights.

    Parameters
    ----------
    job : Job
        Of the net.
    rows : DataFrame
        Images, with `key`, `path`, `sha256`, `split` and `target`.
    faces : float32 array, shape (n, 17)
        Their rows of the face table.
    folder : Path
        Of the saved net.
    device : {"auto", "cpu", "cuda"}
    """
    on = pick_device(device)
    limit_threads(0 if on != "cpu" else 1)  # or the last digits would depend on the machine's cores
    chosen = _chosen(rows)
    items = items_of(rows.iloc[chosen], faces[chosen], job.plan)
    crops = [crop for item in items if (crop := _crop(item, job)) is not None]
    write_typical(folder, crops, device=on)


def _chosen(rows: pd.DataFrame) -> NDArray[np.int64]:
    """Places of real faces, evenly spread: of those that no net was trained on, of training ones where there are none."""
    real = rows["target"].eq(0).fillna(False).to_numpy(bool)
    unseen = real & rows["split"].eq("calibration").to_numpy(bool)
    places = np.flatnonzero(unseen if unseen.any() else real & rows["split"].eq("train").to_numpy(bool))
    return places[:: max(len(places) // FACES, 1)][:FACES]


def _crop(item: Item, job: Job) -> NDArray[np.uint8] | None:
    """The net's picture, or None where there is none: the image's row of logits says why."""
    try:
        pixels, face = item.read(max_pixels=job.max_pixels)
    except BadImage:
        return None
    height, width = pixels.shape[:2]
    return crop_for(job.spec, pixels, plan_crop(face, height=height, width=width, **job.options.cuts()))
