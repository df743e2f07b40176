"""The manifest: one checked row per listed image, with its file's facts, source, group and split."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.dataset import splits
from pipeline.dataset.dataset_files import DatasetFiles, find, read_all, warnings
from pipeline.dataset.entries import ListedImage
from pipeline.dataset.file_index import FOLDER, FileTable
from pipeline.dataset.image_search import notes
from pipeline.dataset.lists import read_groups
from pipeline.runtime import params
from pipeline.storage.file_names import storable

ORDER = {"train": 0, "calibration": 1, "val": 2, "test": 3}
_UNKNOWN = ("", 0, 0, "", 0, 0, "", "ok", "")
DEMO_RECORD = "demo.json"  # lies in every data set that `pipeline.demo` has drawn
COLUMNS = {
    "img_name": "str",
    "path": "str",
    "split": "str",
    "target": "Int8",
    "group": "str",
    "source": "str",
    "sha256": "str",
    "width": "int32",
    "height": "int32",
    "status": "str",
    "detail": "str",
    "line": "int32",
    "cluster": "str",
}


def check_files(listed: Sequence[ListedImage], files: FileTable, *, compute: params.Compute) -> pd.DataFrame:
    """Join listed images with the facts of their files.

    Parameters
    ----------
    listed : sequence of ListedImage
        Rows of the lists.
    files : FileTable
        What is known of the files; brought up to date.
    compute : Compute
        Where files are read.

    Returns
    -------
    DataFrame
        `COLUMNS` without source, group and cluster, and `phash`, `listed_in`; in the order of `listed`.
    """
    keys = [(storable(row.path), row.size, row.mtime_ns) for row in listed]
    files.update((key for key in keys if key[0]), engine=compute.engine())
    rows = []
    for row, key in zip(listed, keys, strict=True):
        _, _, _, sha256, width, height, phash, status, detail = files.rows.get(key, _UNKNOWN)
        if row.status != "ok":
            status, detail = row.status, storable(row.detail)
        elif row.detail:
            detail = "; ".join(filter(None, (storable(row.detail), detail)))
        identity = (storable(row.name), key[0], row.split, row.target)
        listed_in = storable(row.listed_in)
        rows.append((*identity, sha256, width, height, status, detail, row.line, phash, listed_in))
    names = [name for name in COLUMNS if name not in ("source", "group", "cluster")]
    frame = pd.DataFrame(rows, columns=[*names, "phash", "listed_in"])
    return frame.astype({name: COLUMNS[name] for name in names})


def build(
    data: params.Data,
    manifest: params.Manifest,
    compute: params.Compute,
    *,
    doubted: Collection[str] = (),
    known: Path = FOLDER,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Build the manifest of a data set.

    Parameters
    ----------
    data, manifest, compute : models of the sections of params.yaml
        Where the data set is, how it is split, where files are read.
    doubted : collection of str
        Paths of files that are read again even where size and time are those that are known.
    known : Path
        Folder of the `FileTable`; it keeps the files of this data set alone.

    Returns
    -------
    rows : DataFrame
        `COLUMNS`, and `phash`, `listed_in`; train, calibration, val, test, each in its list's order.
    origin : dict
        Where the rows come from, and `warnings` about it.

    Raises
    ------
    LabelError
        When the data set cannot be used as a whole.
    """
    files = find(Path(data.root))
    table = FileTable(folder=known, max_pixels=manifest.max_pixels).load()
    table.forget(doubted)
    listed = read_all(files)
    rows = check_files(listed, table, compute=compute)
    rows = splits.add_clusters(rows, bits=manifest.near_duplicate_bits)
    rows = splits.add_groups(rows, _groups(files.groups) if files.groups else None)
    if files.val is None:
        rows = splits.carve_val(rows)
    if manifest.holdout_source is not None:
        rows = splits.holdout_source(rows, manifest.holdout_source)
    rows = splits.carve_calibration(rows, count=manifest.calibration)
    order = rows["split"].map(ORDER).sort_values(kind="stable").index
    origin = _origin(files, data, manifest)
    origin["warnings"] += map(storable, notes(listed, root=files.root))
    return rows.loc[order].reset_index(drop=True), origin


def _groups(path: Path) -> dict[str, tuple[str, str]]:
    """groups.csv with its names as tables hold them."""
    listed = read_groups(path)
    return {storable(name): (storable(source), storable(group)) for name, (source, group) in listed.items()}


def _origin(files: DatasetFiles, data: params.Data, manifest: params.Manifest) -> dict[str, Any]:
    return {
        "root": data.root,
        "lists": [storable(str(path)) for path in files.lists],
        "test_folders": [storable(str(images.folder)) for images in files.test_folders],
        "val": "listed" if files.val else f"no val list: {splits.VAL_SHARE:.0%} of train by whole groups",
        "groups": str(files.groups) if files.groups else "near-duplicate clusters (no groups.csv)",
        "holdout_source": manifest.holdout_source,
        "near_duplicate_bits": manifest.near_duplicate_bits,
        "warnings": [*_drawn(Path(data.root)), *map(storable, warnings(files, val_share=splits.VAL_SHARE))],
    }


def _drawn(root: Path) -> list[str]:
    if not (root / DEMO_RECORD).is_file():
        return []
    return ["these faces are drawn, not photographed: figures on them say nothing about real deepfakes"]
