"""Compare two models on the same images: one line that answers, a page, and the same as JSON beside it.

A and B are files of scores (img_name,y_pred), cache/scores.parquet, folders of runs or of bundles, or revisions and experiments
of DVC. Of runs and revisions the val images are compared. A bundle scores this run's val, or --images named by --labels.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.evaluation.comparison import COMPARED, compare
from pipeline.explain import beside_page
from pipeline.reporting.comparison_page import answer, compose, most_moved
from pipeline.reporting.language import LANGUAGES
from pipeline.reporting.rendering import render
from pipeline.runtime.command import run
from pipeline.serving.command_line import named
from pipeline.serving.paired_scores import Asked, Pair, pair
from pipeline.serving.scored_runs import read_scores
from pipeline.storage.files import json_text
from pipeline.storage.outputs import check_outputs, is_streamed, text_output

MOVED = 50  # images on the page


def by_source(rows: pd.DataFrame, *, resamples: int, seed: int) -> dict[str, dict[str, Any]]:
    """Compare all rows, and those of each source where there are several."""
    scopes = {"overall": rows, **{str(source): part for source, part in rows.groupby("source")}}
    return {
        name: compare(
            part["target"].to_numpy(dtype=float),
            part["first"],
            part["second"],
            part["group"].astype(str),
            resamples=resamples,
            seed=seed,
        )
        for name, part in scopes.items()
        if name == "overall" or len(scopes) > 2
    }


def parser() -> argparse.ArgumentParser:
    """The command line."""
    command = argparse.ArgumentParser(
        prog="python -m pipeline.compare",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = command.add_argument
    add("first", metavar="A", help="see above")
    add("second", metavar="B", help="what is asked is whether B differs from A")
    add("--labels", type=named, help="list img_name,target, where the scores have no labels")
    add("--groups", type=named, help="groups.csv of that list; without it each image is a group of its own")
    add("--images", type=named, help="folder of that list's images, for a bundle to score")
    add("--metric", choices=COMPARED, default="auc", help="the figure that answers (default: %(default)s)")
    add("--resamples", type=int, default=1000, help="of the bootstrap of groups (default: %(default)s)")
    add("--seed", type=int, default=0, help="of the bootstrap (default: %(default)s)")
    add(
        "--device", choices=["auto", "cpu", "cuda"], default="auto", help="of a bundle (default: %(default)s)"
    )
    add(
        "--lang",
        choices=LANGUAGES,
        default="en",
        help="language that the page shows first (default: %(default)s)",
    )
    add(
        "--out",
        type=named,
        default=Path("comparison.html"),
        help="the page; the JSON lies beside it (default: %(default)s)",
    )
    return command


def record(
    both: Pair, comparisons: dict[str, Any], moved: pd.DataFrame, args: argparse.Namespace
) -> dict[str, Any]:
    """What the JSON holds."""
    return {
        "answer": str(answer(comparisons["overall"], args.metric)),
        "metric": args.metric,
        "first": args.first,
        "second": args.second,
        "left_out": both.left_out,
        "comparisons": comparisons,
        "moved": moved[["img_name", "source", "target", "first", "second", "moved", "nearer"]].to_dict(
            "records"
        ),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare what the command line names."""
    args = parser().parse_args(arguments)
    beside = beside_page(args.out)
    check_outputs(
        [args.out, beside], inputs=[args.first, args.second, *filter(None, (args.labels, args.groups))]
    )
    asked = Asked(labels=args.labels, groups=args.groups, images=args.images, device=args.device)
    both = pair(read_scores(args.first, asked), read_scores(args.second, asked), asked)
    comparisons = by_source(both.rows, resamples=args.resamples, seed=args.seed)
    moved = most_moved(both.rows, MOVED)
    shown = compose(
        comparisons,
        both.rows,
        moved=moved,
        names=(args.first, args.second),
        metric=args.metric,
        left_out=both.left_out,
    )
    with text_output(args.out) as page, text_output(beside) as file:
        page.write(render(shown, args.lang))
        file.write(json_text(record(both, comparisons, moved, args)))
    stream = sys.stderr if is_streamed(args.out) else sys.stdout
    stream.write(f"{answer(comparisons['overall'], args.metric)}\n")


if __name__ == "__main__":
    run("compare")
