"""Two sets of scores put side by side: the same images, with their labels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from models.errors import UserError
from pipeline.dataset.lists import LabelError, parse, read_groups
from pipeline.runtime import paths
from pipeline.storage.file_names import storable

FACTS = ("target", "group", "source", "sha256")


@dataclass(frozen=True)
class Asked:
    """What the scores of a bundle, and labels that scores lack, come from.

    Attributes
    ----------
    labels, groups : Path or None
        A list img_name,target, and a groups.csv.
    images : Path or None
        The folder that the list's names are in.
    device : str
        Where the nets of a bundle run.
    """

    labels: Path | None = None
    groups: Path | None = None
    images: Path | None = None
    device: str = "auto"


def val_rows() -> pd.DataFrame:
    """Usable val images of the run in this folder.

    Raises
    ------
    UserError
        Where there is no run.
    """
    if not paths.MANIFEST.is_file():
        raise UserError(
            f"no {paths.MANIFEST} here, so nothing says which images to score; name them: --labels LIST --images FOLDER"
        )
    manifest = pd.read_parquet(paths.MANIFEST)
    return manifest[(manifest["split"] == "val") & (manifest["status"] == "ok")].drop_duplicates("img_name")


@dataclass(frozen=True)
class Pair:
    """Images that both have scored.

    Attributes
    ----------
    rows : DataFrame
        img_name, target, group, source, first, second.
    left_out : dict of str to int
        Images that are not compared, by reason in words.
    """

    rows: pd.DataFrame
    left_out: dict[str, int]


def pair(first: pd.DataFrame, second: pd.DataFrame, asked: Asked) -> Pair:
    """Put the scores of the same images side by side, with their labels.

    Parameters
    ----------
    first, second : DataFrame
        As `read_scores` gives them.
    asked : Asked
        Labels and groups where the scores have none; this run's val where there is no list.

    Returns
    -------
    Pair

    Raises
    ------
    UserError
        No image in common, no labels, or labels that contradict each other.
    """
    both = first.merge(second, on="img_name", suffixes=("_a", "_b"))
    if both.empty:
        raise UserError(
            f"no image stands in both: one begins {first['img_name'].iloc[0]}, the other {second['img_name'].iloc[0]}; score "
            "the same list"
        )
    left_out = {"only in A": len(first) - len(both), "only in B": len(second) - len(both)}
    if "sha256_a" in both:
        same = both["sha256_a"] == both["sha256_b"]
        left_out["of other bytes under the same name"] = int((~same).sum())
        both = both[same]
    rows = _with_facts(both.rename(columns={"score_a": "first", "score_b": "second"}), asked)
    left_out["without a label"] = int(rows["target"].isna().sum())
    rows = rows[rows["target"].notna()].reset_index(drop=True)
    if rows.empty:
        raise UserError(
            "no image that both have scored has a label; name a list img_name,target with --labels"
        )
    columns = ["img_name", "target", "group", "source", "first", "second"]
    return Pair(rows[columns], {reason: count for reason, count in left_out.items() if count})


def _with_facts(both: pd.DataFrame, asked: Asked) -> pd.DataFrame:
    """Add target, group and source: of the list, of the scores themselves, or of this run."""
    if asked.labels is not None:
        facts = _listed(asked)
    elif "target_a" in both or "target" in both:
        return _own_facts(both)
    elif paths.MANIFEST.is_file():
        facts = val_rows()
    else:
        raise UserError("the scores have no labels; name a list img_name,target with --labels")
    known = facts.set_index("img_name")[["target", "group", "source"]]
    return both.drop(columns=["target", "group", "source"], errors="ignore").join(known, on="img_name")


def _own_facts(both: pd.DataFrame) -> pd.DataFrame:
    if "target" in both:  # one of the two has them
        return both
    known = both["target_a"].notna() & both["target_b"].notna()
    other = both["img_name"][known & (both["target_a"] != both["target_b"]).fillna(False)]
    if len(other):
        raise UserError(
            f"{other.iloc[0]} and {len(other) - 1} more are real in one and fake in the other; name the right labels with --labels"
        )
    return both.rename(columns={f"{fact}_a": fact for fact in ("target", "group", "source")})


def _listed(asked: Asked) -> pd.DataFrame:
    """Labels of a list; of groups.csv, or each image a group of its own."""
    assert asked.labels is not None
    if not asked.labels.is_file():
        raise LabelError(
            f"--labels {asked.labels} is not a file; name a list with the header img_name,target"
        )
    rows = [row for row in parse(asked.labels, split="val") if row.status == "ok"]
    groups = read_groups(asked.groups) if asked.groups is not None else {}
    names = [storable(row.name) for row in rows]
    found = [groups.get(row.name, ("", "")) for row in rows]
    table = {
        "img_name": names,
        "target": pd.array([row.target for row in rows], dtype="Int8"),
        "source": [source or "all" for source, _ in found],
        "group": [group or name for name, (_, group) in zip(names, found, strict=True)],
    }
    return pd.DataFrame(table).drop_duplicates("img_name")
