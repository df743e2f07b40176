"""AUC of each source of groups.csv by the model of the finished run, and by one that was trained without that source.

This is the honest figure: no net and no tree has seen the source. Each source is left out in a folder of its own below --out,
with the run's settings; the run itself stays as it is. Faces, redrawn pictures and spectral numbers are taken from it, nets
and trees are trained again, so a source takes about as long as the run. A killed command goes on where it stopped.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from contextlib import chdir
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd

from models.errors import UserError
from pipeline import embed, evaluate, faces, finetune, generate, manifest, spectral, train
from pipeline.runtime import params, paths, yaml_file
from pipeline.runtime.command import run
from pipeline.storage.files import link_or_copy, read_json, write_csv

TABLE = "holdout.csv"
SHOWN = ("auc", "tpr_at_fpr_1e-2")


def train_without(source: str, folder: Path) -> dict[str, Any]:
    """Run the stages up to evaluate in a folder of their own; returns its evaluation."""
    settings = params.read().model_dump(mode="json")
    settings["manifest"]["holdout_source"] = source
    settings["evaluate"]["ablation_num_boost_round"] = 1  # nobody looks at the refits without each block
    nets, backbones = settings["finetune"]["nets"], settings["embed"]["backbones"]
    for section in [settings["data"], *nets.values(), *backbones.values()]:
        for key in {"root", "weights"} & set(section):
            if Path(section[key]).exists():  # else it is a word, such as `auto`
                section[key] = str(Path(section[key]).absolute())
    folder.mkdir(parents=True, exist_ok=True)
    for path in (paths.FILES, paths.FACES, paths.GENERATED, paths.FEATURES / "spectral"):
        if path.is_dir() and not (folder / path).exists():
            shutil.copytree(path, folder / path, copy_function=link_or_copy)
    (folder / params.PARAMS_FILE).write_text(yaml_file.dump(settings), encoding="utf-8")
    stages: list[tuple[Any, list[str]]] = [(manifest, []), (faces, []), (generate, []), (spectral, [])]
    stages += [(embed, [name]) for name in backbones] + [(finetune, [name]) for name in nets]
    with chdir(folder):
        for stage, arguments in [*stages, (train, []), (evaluate, [])]:
            stage.main(arguments)
        return dict(read_json(paths.EVALUATION))


def row_of(source: str, seen: dict[str, Any], unseen: dict[str, Any]) -> dict[str, Any]:
    """A row of the table: the figures of a source's val images by a model that saw it, and by one that did not."""
    row: dict[str, Any] = {"source": source, "images": unseen["n"], "groups": unseen["groups"]}
    for name in SHOWN:
        for seen_or_not, summary in (("seen", seen), ("unseen", unseen)):
            figure = summary[name] or {}
            row[f"{name}_{seen_or_not}"] = figure.get("value")
            row |= {f"{name}_{seen_or_not}_{side}": figure.get(side) for side in ("low", "high")}
    return row


def written(row: dict[str, Any], name: str) -> str:
    """A figure of a row with its 95 % interval, where it has them."""
    value, low, high = (row[f"{name}{side}"] for side in ("", "_low", "_high"))
    if value is None:
        return "-"
    return f"{value:.3f}" + ("" if low is None else f" [{low:.3f}, {high:.3f}]")


def sources_of(evaluation: dict[str, Any], wanted: str | None) -> list[str]:
    """The sources to leave out: those that the run trained on and that have a val AUC, or the one that is wanted."""
    seen, trained = evaluation["val"]["by_source"], evaluation["leave_one_source_out"]
    sources = [name for name in seen if trained.get(name, {}).get("in_train") and seen[name]["auc"]]
    if not sources or wanted not in (None, *sources):
        known = ", ".join(sources) or "none: two in train are needed, with both classes in val"
        raise UserError(f"source '{wanted or ''}' cannot be left out; those that can are {known}")
    return [wanted] if wanted else sources


def main(arguments: Sequence[str] | None = None) -> None:
    """Leave out what the command line names, and print a line for each."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.holdout",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("source", nargs="?", help="as groups.csv names it; without it, every source in turn")
    parser.add_argument(
        "--out", type=Path, default=Path("leave_out"), help="folder of these runs (default: %(default)s)"
    )
    options = parser.parse_args(arguments)
    if not paths.EVALUATION.is_file() or params.read().manifest.holdout_source is not None:
        raise UserError("a finished run of all sources is needed: no manifest.holdout_source, `make repro`")
    finished = read_json(paths.EVALUATION)
    sources = sources_of(finished, options.source)
    sys.stdout.write(f"{'source':<16}  val images  AUC seen              AUC unseen\n")
    rows = []
    for name in sources:
        unseen = train_without(name, options.out / f"without_{quote(name, safe='')}")["val"]["by_source"][
            name
        ]
        rows.append(row_of(name, finished["val"]["by_source"][name], unseen))
        areas = [f"{written(rows[-1], f'auc_{side}'):<20}" for side in ("seen", "unseen")]
        sys.stdout.write(f"{name:<16}  {unseen['n']:>10}  {'  '.join(areas)}".rstrip() + "\n")
        sys.stdout.flush()
        write_csv(options.out / TABLE, pd.DataFrame(rows))


if __name__ == "__main__":
    run("holdout")
