"""The page of `python -m pipeline.compare`, and its answer in one line."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from pipeline.evaluation import curves, metrics
from pipeline.evaluation.comparison import COMPARED, verdict
from pipeline.reporting import figures
from pipeline.reporting.data import METRIC_LABELS
from pipeline.reporting.elements import (
    Cell,
    Column,
    Element,
    Figure,
    FigureRow,
    Page,
    Paragraph,
    Section,
    Table,
)
from pipeline.reporting.language import Text, joined, say
from pipeline.reporting.number_format import number, with_interval

TITLE = "Two models on the same images"
NAMES = ("A", "B")


def answer(comparison: dict[str, Any], metric: str) -> Text:
    """What a comparison says, in one line.

    Parameters
    ----------
    comparison : dict
        As `comparison.compare` gives it.
    metric : str
        One of `COMPARED`: the figure that decides.

    Returns
    -------
    Text
    """
    sizes = {"images": number(comparison["n"]), "groups": number(comparison["groups"])}
    if comparison["same"]:
        return say(
            "no difference: A and B give each of {images} images the same score", images=sizes["images"]
        )
    figure, label = comparison[metric], METRIC_LABELS[metric]
    if figure is None or figure["difference"]["value"] is None:
        return say("no answer: {metric} has no value on these {images} images", metric=label, **sizes)
    gap = figure["difference"]
    said = {"metric": label, "gap": number(gap["value"], 4, signed=True), **sizes}
    if gap["low"] is None:
        return say(
            "no answer: {metric} differs by {gap} (B minus A), but too few of the {images} images in {groups} groups decide it "
            "for an interval",
            **said,
        )
    said |= {side: number(gap[side], 4, signed=True) for side in ("low", "high")}
    return say(
        "{finding} at 95 %: {metric} of B minus A is {gap}, from {low} to {high} ({images} images in {groups} groups)",
        finding={"none": "no difference", "first": "A is better", "second": "B is better"}[
            verdict(figure, metric=metric)
        ],
        **said,
    )


def compose(
    comparisons: dict[str, dict[str, Any]],
    rows: pd.DataFrame,
    *,
    moved: pd.DataFrame,
    names: tuple[str, str],
    metric: str,
    left_out: dict[str, int],
) -> Page:
    """Set up the page.

    Parameters
    ----------
    comparisons : dict
        overall, and where there are several each source: as `comparison.compare` gives them.
    rows : DataFrame
        Columns target, first, second; an image a row.
    moved : DataFrame
        As `most_moved` gives it.
    names : (str, str)
        What A and B are.
    metric : str
        The figure that decides.
    left_out : dict of str to int
        Images that are not compared, by reason.

    Returns
    -------
    Page
    """
    overall = comparisons["overall"]
    about: list[Element] = [
        Table(
            [Column("name", is_text=True), Column("model", is_text=True, wraps=True)],
            [*map(list, zip(NAMES, names))],
        )
    ]
    if left_out:
        reasons = [
            say("{count} {reason}", count=number(count), reason=reason) for reason, count in left_out.items()
        ]
        about.append(Paragraph(say("Not compared: {reasons}.", reasons=joined(reasons, ", "))))
    return Page(
        title=TITLE,
        verdict=answer(overall, metric),
        level="ok",
        notices=[],
        sections=[
            Section("models", "What is compared", about),
            Section("figures", "Main figures", [_figures(comparisons)]),
            _reliability(rows),
            _curves(rows),
            _moved(moved),
        ],
    )


def _figures(comparisons: dict[str, dict[str, Any]]) -> Table:
    lines: list[list[str | Cell]] = []
    for name, comparison in comparisons.items():
        for metric in COMPARED:
            figure = comparison[metric]
            if figure is None or figure["first"] is None:
                continue
            values = [number(figure[side], 4) for side in ("first", "second")]
            gaps = [with_interval(figure.get(key), 4, signed=True) for key in ("difference", "bootstrap")]
            lines.append(
                [name, METRIC_LABELS[metric], *values, *gaps, _FOUND[verdict(figure, metric=metric)]]
            )
    columns = [
        Column("images", is_text=True),
        Column("figure", is_text=True),
        *map(Column, ("A", "B", "B minus A", "by bootstrap")),
        Column("at 95 %", is_text=True),
    ]
    return Table(columns, lines, _HOW)


_FOUND = {
    "unknown": "too few to tell",
    "none": "no difference",
    "first": "A is better",
    "second": "B is better",
}
_HOW = (
    "Differences are paired, image by image; small: 95 % interval by whole groups. AUC: DeLong's variance by group, beside it "
    "a bootstrap of groups; TPR @ FPR 1e-2: the bootstrap; log loss (less is better): Student's t on the groups' sums. The "
    "line on top is about one figure, chosen beforehand. With all of these lines at once, some differ by chance: there is no "
    "correction for that."
)


def _classes(rows: pd.DataFrame, side: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    return rows["target"].to_numpy(np.int64), rows[side].to_numpy(np.float64)


def _reliability(rows: pd.DataFrame) -> Section:
    pictures = [
        Figure(
            figures.calibration(curves.reliability(*_classes(rows, side))),
            say(
                "{name}: on the diagonal a score is a probability. Whiskers: 95 % interval (Wilson).",
                name=name,
            ),
        )
        for name, side in zip(NAMES, ("first", "second"))
    ]
    return Section("calibration", "Reliability", [FigureRow(pictures)])


def _curves(rows: pd.DataFrame) -> Section:
    pairs = {name: _classes(rows, side) for name, side in zip(NAMES, ("first", "second"))}
    if not 0 < pairs["A"][0].sum() < len(rows):
        return Section("curves", "Curves", [Paragraph("One class only, so nothing can be ranked.")])
    areas = {name: metrics.auc(*pair) for name, pair in pairs.items()}
    points = {name: curves.roc(*pair) for name, pair in pairs.items()}
    return Section(
        "curves",
        "Curves",
        [
            FigureRow(
                [
                    Figure(figures.low_fpr(points, areas), "ROC, logarithmic."),
                    Figure(figures.det(points), "DET."),
                ]
            )
        ],
    )


def most_moved(rows: pd.DataFrame, count: int) -> pd.DataFrame:
    """Pick the images whose scores differ most.

    Parameters
    ----------
    rows : DataFrame
        Columns img_name, target, first, second.
    count : int
        Rows at most.

    Returns
    -------
    DataFrame
        Rows of `rows` with `moved` (second minus first) and `nearer` (whether the second is nearer the label), the furthest
        first; those that do not differ are left out.
    """
    moved = rows["second"] - rows["first"]
    table = rows.assign(moved=moved, nearer=(moved > 0) == (rows["target"] == 1))
    order = moved.abs().sort_values(ascending=False, kind="stable").index
    return table.loc[order][moved.loc[order] != 0].head(count).reset_index(drop=True)


def _moved(moved: pd.DataFrame) -> Section:
    if moved.empty:
        return Section("moved", "Images that moved most", [Paragraph("No score differs.")])
    rows = [
        [
            row.img_name,
            row.source,
            "fake" if row.target else "real",
            number(row.first),
            number(row.second),
            number(row.moved, signed=True),
            "nearer its label" if row.nearer else "further from it",
        ]
        for row in moved.itertuples()
    ]
    columns = [
        Column("image", is_text=True, wraps=True),
        Column("source", is_text=True),
        Column("label", is_text=True),
        *map(Column, ("A", "B", "B minus A")),
        Column("B is", is_text=True),
    ]
    nearer = say(
        "Of these {count}, {nearer} are nearer their label by B.",
        count=number(len(moved)),
        nearer=number(int(moved["nearer"].sum())),
    )
    return Section("moved", "Images that moved most", [Paragraph(nearer), Table(columns, rows)])
