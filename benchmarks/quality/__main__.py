"""Train the product and its peers on one data set and print how well they tell fakes."""

from __future__ import annotations

import argparse
import json
import subprocess
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pandas as pd

from benchmarks.quality import families, table
from benchmarks.quality import rows as data
from benchmarks.quality.conditions import FORGED, GRID, OTHERS
from benchmarks.quality.kinds import measure_kinds
from benchmarks.quality.ours import Recipe, home, measure_ours
from benchmarks.quality.peers import PEERS, make_peer
from benchmarks.quality.runs import NONE, Run, measure_peer
from models.errors import UserError
from pipeline.dataset.dataset_files import find

OURS = "ours"


def parser() -> argparse.ArgumentParser:
    """The command line."""
    command_line = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    add = command_line.add_argument
    add("--data", type=Path, required=True, help="data set in the challenge's layout")
    add("--weights", type=Path, required=True, help="folder with mobilenetv2_100.pth or .safetensors")
    add("--work", type=Path, required=True, help="scratch folder; what is finished stored is not done again")
    known = ", ".join([OURS, *PEERS])
    add(
        "--methods",
        default=",".join([OURS, *PEERS]),
        help=f"of {known}; NAME=overlay.yaml: a variant of ours",
    )
    add("--hold-out", help="sources to leave out of training, one run each; default: none and every source")
    add("--grid", action="store_true", help="the robustness grid as well")
    add("--grid-images", type=int, default=600, help="val images of the grid (default: %(default)s)")
    add(
        "--leave-kind-out",
        action="store_true",
        help="ours without one kind of pseudo-fake, on that kind and on the forgeries of its like",
    )
    add("--forgeries", action="store_true", help="val reals against forgeries made of them")
    add("--limit", type=int, help="a trial: images per split, source and class at most")
    add("--params", type=Path, help="YAML file laid over params.yaml, for ours and its variants")
    add("--reuse-faces", type=Path, help="root of an earlier run of ours: what fits of its caches is taken")
    add(
        "--peer-size",
        type=int,
        default=160,
        help="px of the fine-tuned peer's picture (default: %(default)s)",
    )
    add("--threads", type=int, default=2, help="threads of the peers (default: %(default)s)")
    return command_line


def methods_of(text: str) -> dict[str, Path | None]:
    """Methods in order; a variant of ours with its overlay. Raises ValueError naming what is allowed."""
    methods: dict[str, Path | None] = {}
    for name, sign, file in (entry.partition("=") for entry in text.split(",") if entry):
        if sign and not Path(file).is_file():
            raise ValueError(f"--methods {name}={file}: {file} is not a file")
        if sign and (name in PEERS or not name.replace("_", "").isalnum()):
            raise ValueError(f"--methods {name}={file}: {name} is a peer, or not of letters, digits and _")
        if not sign and name not in (OURS, *PEERS):
            raise ValueError(f"--methods: '{name}' is unknown; known are {OURS}, {', '.join(PEERS)}")
        methods[name] = Path(file) if sign else None
    return methods


def hold_outs(text: str | None, rows: pd.DataFrame) -> list[str]:
    """Sources to leave out, NONE for none. Raises ValueError naming the sources."""
    train = rows[rows["split"] == "train"]
    sources = sorted(train["source"].unique())
    allowed = [NONE, *sources] if len(sources) > 1 else [NONE]  # without its one source nothing is left
    chosen = allowed if text is None else text.split(",")
    unknown = [name for name in chosen if name not in allowed]
    if unknown:
        raise ValueError(f"--hold-out: {', '.join(unknown)} is unknown; allowed are {', '.join(allowed)}")
    return chosen


def claim(work: Path, args: argparse.Namespace) -> None:
    """Mark the scratch folder with what its results depend on; ValueError when it has others'."""
    facts = {name: getattr(args, name) for name in ("limit", "peer_size", "grid_images")}
    facts |= {"data": str(args.data.resolve()), "weights": str(args.weights.resolve())}
    path = work / "settings.json"
    work.mkdir(parents=True, exist_ok=True)
    stored = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else facts
    if stored != facts:
        raise ValueError(f"--work {work} holds results of {stored}; give another folder or remove it")
    path.write_text(json.dumps(facts, indent=1), encoding="utf-8")


def tests(
    rows: pd.DataFrame, held: str, args: argparse.Namespace, *, forged: pd.DataFrame | None
) -> dict[str, pd.DataFrame]:
    """Rows to score by condition, for a run without `held`; the grid is of sources that it has seen,
    forgeries are for a run that has seen all."""
    tested = data.testing(rows, None if held == NONE else held)
    by_condition = {"clean": tested, "random": tested}
    if args.grid and held != NONE:
        by_condition[OTHERS] = data.seen(rows, held)
    if args.grid:
        by_condition |= dict.fromkeys(
            GRID, data.balanced(by_condition.get(OTHERS, tested), images=args.grid_images)
        )
    if forged is not None and held == NONE:
        by_condition |= dict.fromkeys(FORGED, forged)
    return by_condition


def run_all(args: argparse.Namespace, methods: dict[str, Path | None]) -> str:
    """Train and score everything that has no scores yet; returns the tables."""
    rows = data.read(args.data, limit=args.limit)
    held_out = hold_outs(args.hold_out, rows)
    claim(args.work, args)
    # Val as drawn or carved is written down, so that every method is tested on the same images.
    root = args.data if args.limit is None and find(args.data).val else args.work / "data"
    lender = args.reuse_faces
    forged = None
    if args.forgeries or args.leave_kind_out:
        forged = families.write(args.work / "forgeries", rows, weights=args.weights)
    for method, file in methods.items():
        overlays = tuple(path for path in (args.params, file) if path is not None)
        for held in held_out:
            run = Run(args.work, method, held)
            if method in PEERS:
                make = partial(
                    make_peer, method, weights=args.weights, size=args.peer_size, threads=args.threads
                )
                measure_peer(
                    run, rows, tests(rows, held, args, forged=forged), make=make, threads=args.threads
                )
                continue
            if root != args.data:
                data.write_dataset(rows, root)
            recipe = Recipe(root, args.weights, overlays, lender)
            tested = tests(rows, held, args, forged=forged)
            if run.source is not None:
                tested[OTHERS] = data.seen(rows, held)
            measure_ours(run, tested, recipe, holdout_source=run.source)
            lender = lender or home(run)
        if args.leave_kind_out and forged is not None and method not in PEERS:
            recipe = Recipe(root, args.weights, overlays, lender)
            measure_kinds(args.work, method, data.testing(rows, None), recipe, forged=forged)
    return table.write(args.work, table.collect(args.work, list(methods), held_out))


def main(arguments: Sequence[str] | None = None) -> None:
    args = parser().parse_args(arguments)
    try:
        text = run_all(args, methods_of(args.methods))
    except subprocess.CalledProcessError as error:
        parser().error(f"{error}; the stage said why above, the same command goes on from there")
    except (UserError, ValueError) as error:
        parser().error(str(error))
    print(text)


if __name__ == "__main__":
    main()
