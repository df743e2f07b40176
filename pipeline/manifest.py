"""Stage manifest: one checked row per listed image, with hashes, groups and near-duplicates.

Reads the lists and images under data.root. Checks every name and path of the settings first, and writes those in
force to cache/params.yaml. Writes cache/manifest.parquet,
cache/manifest_issues.csv, reports/manifest.json and cache/files/ (what is known of each file, so
that only changed files are read).
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.dataset import splits
from pipeline.dataset.entries import ListedImage
from pipeline.dataset.file_index import FOLDER, FileTable
from pipeline.dataset.lists import find, read_all, read_groups
from pipeline.runtime import effective_params, params
from pipeline.runtime.command import run

MANIFEST = Path("cache/manifest.parquet")
ISSUES = Path("cache/manifest_issues.csv")
SUMMARY = Path("reports/manifest.json")
LISTED_ISSUES = 1000
ORDER = {"train": 0, "calibration": 1, "val": 2, "test": 3}
_UNKNOWN = ("", 0, 0, "", 0, 0, "", "ok", "")
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
    """Rows with their files' facts: COLUMNS less source, group, cluster; `phash`, `listed_in`."""
    keys = [(row.path, row.size, row.mtime_ns) for row in listed]
    files.update((key for key in keys if key[0]), engine=compute.engine())
    rows = []
    for row, key in zip(listed, keys, strict=True):
        _, _, _, sha256, width, height, phash, status, detail = files.rows.get(key, _UNKNOWN)
        if row.status != "ok":
            status, detail = row.status, row.detail
        rows.append(
            (
                row.name,
                row.path,
                row.split,
                row.target,
                sha256,
                width,
                height,
                status,
                detail,
                row.line,
                phash,
                row.listed_in,
            )
        )
    names = [name for name in COLUMNS if name not in ("source", "group", "cluster")]
    frame = pd.DataFrame(rows, columns=[*names, "phash", "listed_in"])
    return frame.astype({name: COLUMNS[name] for name in names})


def build(
    data: params.Data, manifest: params.Manifest, compute: params.Compute
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The manifest's rows, and where they come from. LabelError without a train list."""
    found = find(Path(data.root))
    files = FileTable(folder=FOLDER, max_pixels=manifest.max_pixels).load()
    rows = check_files(read_all(found), files, compute=compute)
    rows = splits.add_clusters(rows, bits=manifest.near_duplicate_bits)
    rows = splits.add_groups(rows, read_groups(found.groups) if found.groups else None)
    if found.val is None:
        rows = splits.carve_val(rows)
    if manifest.holdout_source is not None:
        rows = splits.holdout_source(rows, manifest.holdout_source)
    rows = splits.carve_calibration(rows, count=manifest.calibration)
    order = rows["split"].map(ORDER).sort_values(kind="stable").index
    origin = {
        "root": data.root,
        "lists": [str(p) for p in (found.train, found.val, *found.tests) if p],
        "test_folders": [str(p) for p in found.test_folders],
        "val": "listed" if found.val else f"no val list: {splits.VAL_SHARE:.0%} of train by whole groups",
        "groups": str(found.groups) if found.groups else "near-duplicate clusters (no groups.csv)",
        "holdout_source": manifest.holdout_source,
        "near_duplicate_bits": manifest.near_duplicate_bits,
    }
    return rows.loc[order].reset_index(drop=True), origin


def summarise(rows: pd.DataFrame, origin: dict[str, Any]) -> dict[str, Any]:
    """reports/manifest.json: counts, duplicates within and across splits, and the bad rows."""
    bad = issues(rows)
    kinds = rows["target"].map({0: "real", 1: "fake"}).fillna("unknown")
    table = rows.assign(kind=kinds).groupby(["split", "source", "kind", "status"]).size()
    names = ["split", "source", "class", "status", "images"]
    return {
        **origin,
        "images": len(rows),
        "counts": [dict(zip(names, (*key, int(n)), strict=True)) for key, n in table.items()],
        "duplicates": repeats(rows, "sha256"),
        "near_duplicates": repeats(rows, "cluster"),
        "bad_rows": len(bad),
        "issues": bad.head(LISTED_ISSUES).to_dict("records"),
    }


def repeats(rows: pd.DataFrame, key: str) -> dict[str, Any]:
    """Clusters of two or more images of the same key: how many, the largest, in which splits."""
    known = rows[rows["sha256"] != ""].drop_duplicates("path")
    found = known.groupby(key).agg(
        size=("split", "size"), splits=("split", lambda s: "+".join(sorted(set(s))))
    )
    found = found[found["size"] > 1]
    return {
        "clusters": len(found),
        "images": int(found["size"].sum()),
        "largest": int(found["size"].max()) if len(found) else 0,
        "by_splits": {str(k): int(n) for k, n in found.groupby("splits").size().items()},
    }


def issues(rows: pd.DataFrame) -> pd.DataFrame:
    """Bad rows as file, line, img_name, status, detail."""
    bad = rows[~rows["status"].isin(("ok", "held_out"))]
    return bad[["listed_in", "line", "img_name", "status", "detail"]].rename(columns={"listed_in": "file"})


def write(rows: pd.DataFrame, origin: dict[str, Any]) -> None:
    """Write the stage's outputs, each in one step."""
    SUMMARY.parent.mkdir(parents=True, exist_ok=True)
    MANIFEST.parent.mkdir(parents=True, exist_ok=True)
    issues(rows).to_csv(ISSUES, index=False)
    text = json.dumps(summarise(rows, origin), indent=1, ensure_ascii=False)
    SUMMARY.write_text(text + "\n", encoding="utf-8")
    part = MANIFEST.with_suffix(".part")
    rows[list(COLUMNS)].astype(COLUMNS).to_parquet(part, index=False)
    os.replace(part, MANIFEST)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the stage."""
    argparse.ArgumentParser(
        prog="python -m pipeline.manifest",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args(arguments)
    effective_params.write()
    rows, origin = build(params.load("data"), params.load("manifest"), params.load("compute"))
    write(rows, origin)
    splits.refuse_one_class(rows)


if __name__ == "__main__":
    run("manifest")
