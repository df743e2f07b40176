"""The data set's rows: what is trained on, what is tested on, and a small copy of it for a trial."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd

from benchmarks.quality.conditions import U8, apply
from pipeline.dataset.dataset_files import find, read_all
from pipeline.dataset.lists import read_groups
from pipeline.dataset.splits import add_groups, carve_val
from pipeline.storage.images import read_image

MAX_PIXELS = 100_000_000
CELL = ["source", "target"]


def read(root: Path, *, limit: int | None = None) -> pd.DataFrame:
    """Usable rows of train and val: img_name, path, split, target, source, group.

    limit : images per split, source and class at most, drawn with a fixed seed. LabelError as the product's.
    """
    files = find(root)
    listed = [row for row in read_all(files) if row.status == "ok" and row.split != "test"]
    rows = pd.DataFrame(
        {
            "img_name": [row.name for row in listed],
            "path": [row.path for row in listed],
            "split": [row.split for row in listed],
            "target": [row.target for row in listed],
            "status": "ok",
            "cluster": [row.path for row in listed],
        }
    )
    rows = add_groups(rows, read_groups(files.groups) if files.groups else None)
    rows = rows if files.val else carve_val(rows)
    rows = rows.drop(columns=["status", "cluster"]).reset_index(drop=True)
    return rows if limit is None else drawn(rows, by=["split", *CELL], each=limit)


def drawn(rows: pd.DataFrame, *, by: list[str], each: int) -> pd.DataFrame:
    """At most `each` rows per value of the columns `by`, always the same ones, in their order."""
    shuffled = rows.sample(frac=1, random_state=0)
    kept = shuffled[shuffled.groupby(by).cumcount() < each]
    return kept.sort_index().reset_index(drop=True)


def training(rows: pd.DataFrame, held: str | None) -> pd.DataFrame:
    """Train rows without those of the held-out source."""
    return rows[(rows["split"] == "train") & (rows["source"] != held)].reset_index(drop=True)


def testing(rows: pd.DataFrame, held: str | None) -> pd.DataFrame:
    """Val rows, of the held-out source alone when there is one."""
    in_scope = rows["source"] == held if held is not None else True
    return rows[(rows["split"] == "val") & in_scope].reset_index(drop=True)


def seen(rows: pd.DataFrame, held: str) -> pd.DataFrame:
    """Val rows of the sources that a run without `held` is trained on."""
    return rows[(rows["split"] == "val") & (rows["source"] != held)].reset_index(drop=True)


def balanced(rows: pd.DataFrame, *, images: int) -> pd.DataFrame:
    """About that many rows, as many of each source and class as there are."""
    return drawn(rows, by=CELL, each=max(images // rows.groupby(CELL).ngroups, 1))


def picture(path: str, name: str, condition: str) -> U8:
    """One picture under a condition; uint8 (H, W, 3), RGB. BadImage names a file that cannot be read."""
    return apply(condition, read_image(path, max_pixels=MAX_PIXELS).pixels, image=name)


def pictures(rows: pd.DataFrame, condition: str) -> list[U8]:
    """The pictures of some rows under a condition, as of `picture`."""
    return [picture(path, name, condition) for path, name in zip(rows["path"], rows["img_name"], strict=True)]


def write_dataset(rows: pd.DataFrame, folder: Path) -> Path:
    """A data set of these rows alone, in the product's layout, files copied; an earlier one is kept."""
    if (folder / "groups.csv").is_file():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    for split, of_split in rows.groupby("split"):
        for path, name in zip(of_split["path"], of_split["img_name"], strict=True):
            copy = folder / f"{split}set" / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
        of_split[["img_name", "target"]].to_csv(folder / f"{split}_label.txt", index=False)
    rows[["img_name", "source", "group"]].drop_duplicates("img_name").to_csv(
        folder / "groups.csv", index=False
    )
    return folder
