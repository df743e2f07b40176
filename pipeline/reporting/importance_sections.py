"""Section of the report on what the model looks at, and how far that can be trusted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from pipeline.evaluation.twins import ALIKE
from pipeline.reporting import importance_figures as figures
from pipeline.reporting.data import MAX_SOURCES, ReportData
from pipeline.reporting.elements import (
    Cell,
    Chart,
    Column,
    Element,
    Figure,
    Heading,
    Paragraph,
    Section,
    Table,
)
from pipeline.reporting.importance import GAIN
from pipeline.reporting.language import joined, say
from pipeline.reporting.number_format import ABSENT, is_absent, number, percent, with_interval

_BLOCK_CAPTION = (
    "How to read this: |SHAP| is how far a block moves the score, in log-odds, its columns added up image by image; "
    "AUC drop is what val loses when the block is shuffled among the images (whisker: paired 95 % interval by group); "
    "gain is the share of the training loss that its splits removed, each expert weighed by the "
    "share of its kind. A block with gain but without drop repeats what other blocks know."
)
_CLUSTER_CAPTION = say(
    "How to read this: columns that order the val images alike (rank correlation of at least {alike} between any two) share one "
    "bar under the name of the strongest, + the others; they were shuffled together. Ordered by |SHAP|; only these were shuffled.",
    alike=f"{ALIKE:.1f}",
)
_GAIN_CAPTION = (
    "Share of the training loss that the splits on a block removed, by expert: each tells real faces from one kind of fake. "
    "Share: of the kind among all fakes, as the fusion takes it. A net's logit also enters beside the trees, which no gain counts."
)
_BAND_CAPTION = (
    "How far the numbers of a band of frequency move the score together, over the blocks whose numbers are of frequencies; "
    "above 0.5 cycles per pixel only diagonals remain."
)
_DCT_CAPTION = (
    "Share of each coefficient in mean |SHAP| of the block blockdct, per cent; what a column reads of several is divided among "
    "them. (0, 0) is the mean, which no column reads."
)
_STABILITY_CAPTION = (
    "Spearman's correlation of mean |SHAP| and the share of the first names that two runs have in common; mean over the pairs, "
    "lowest below. Folds: the boosters of one fold alone. Seeds: quick refits with other folds and trees. Where single features "
    "agree little, read blocks and clusters."
)
_LEFT_OUT_CAPTION = (
    "What the AUC on a source loses when a block is shuffled there, in a quick refit that has not seen the source and reads "
    "only blocks that never saw a label; paired 95 % interval by group. Above zero, the block helps on a source that is new."
)


def importance(data: ReportData) -> Section:
    """Show importance by block, cluster, expert and frequency, on val and on sources left out, and how stable it is."""
    elements: list[Element] = [
        Paragraph(_strongest_block(data)),
        Heading("By block"),
        Figure(
            _bars(data.blocks, data.blocks["block"].tolist(), "Importance of each block."), _BLOCK_CAPTION
        ),
        _gain(data),
        *_clusters(data),
        *_frequencies(data),
        *_left_out(data),
        *_stability(data.stability),
        Paragraph("All of it: reports/importance_*.csv."),
    ]
    return Section("importance", "What the model looks at", elements)


def _strongest_block(data: ReportData) -> str:
    if data.blocks.empty or not data.explained:
        return "No val image, so only gain is known."
    first = data.blocks.iloc[0]
    texts = [
        say(
            "Worked out on {images} val images. {block} moves the score most: {shap} log-odds on average.",
            images=number(data.explained),
            block=first["block"],
            shap=number(float(first["shap"])),
        )
    ]
    if not is_absent(float(first["auc_drop"])):
        texts.append(say("Shuffled, val AUC falls by {drop}.", drop=number(float(first["auc_drop"]))))
    unused = data.blocks.loc[(data.blocks["gain"] == 0) & ~(data.blocks["shap"] > 0), "block"].tolist()
    if unused:
        texts.append(say("Never used: {blocks}.", blocks=", ".join(unused)))
    return joined(texts)


def _bars(table: pd.DataFrame, names: list[str], what: str) -> Chart:
    labels = {
        "shap": "mean |SHAP|, log-odds",
        "auc_drop": "AUC drop when shuffled",
        "gain": "share of gain",
    }
    panels = {label: table[key].to_numpy(dtype=np.float64) for key, label in labels.items()}
    low, high = (table[f"auc_drop_{side}"].to_numpy(dtype=np.float64) for side in ("low", "high"))
    alt = joined([what, say("First by SHAP: {names}.", names=", ".join(names[:3]))])
    return figures.bars(names, panels, {labels["auc_drop"]: (low, high)}, alt)


def _gain(data: ReportData) -> Table:
    """Gain of each block by expert, and how much each expert has to say."""
    experts = data.info.stacker.experts
    shares = {expert.kind: expert.share for expert in experts}
    kinds = [name.removeprefix(GAIN) for name in data.blocks.columns if name.startswith(GAIN)]
    heads = [say("{kind} (share {share})", kind=kind, share=percent(shares[kind], 0)) for kind in kinds]
    rows = [
        [row["block"], *(percent(row[f"{GAIN}{kind}"]) for kind in kinds)]
        for row in data.blocks.to_dict("records")
    ]
    return Table([Column("block", is_text=True), *map(Column, heads)], rows, _GAIN_CAPTION)


def _clusters(data: ReportData) -> list[Element]:
    shown = data.clusters.head(data.top)
    names = [
        name if count == 1 else f"{name} +{count - 1}"
        for name, count in zip(shown["cluster"], shown["columns"], strict=True)
    ]
    heading = say(
        "By cluster of features: the first {shown} of {count}",
        shown=number(len(shown)),
        count=number(len(data.clusters)),
    )
    return [
        Heading(heading),
        Figure(_bars(shown, names, "Importance of the first clusters."), _CLUSTER_CAPTION),
    ]


def _frequencies(data: ReportData) -> list[Element]:
    elements: list[Element] = []
    if data.explained and len(data.bands):
        names = [
            f"{low:.2f}–{high:.2f}" for low, high in zip(data.bands["low"], data.bands["high"], strict=True)
        ]
        panels = {"mean |SHAP|, log-odds": data.bands["shap"].to_numpy(dtype=np.float64)}
        strongest = names[int(data.bands["shap"].to_numpy(dtype=np.float64).argmax())]
        alt = say(
            "Importance of bands of frequency, cycles per pixel; the largest is {strongest}.",
            strongest=strongest,
        )
        elements += [
            Heading("By frequency, cycles per pixel"),
            Figure(figures.bars(names, panels, {}, alt), _BAND_CAPTION),
        ]
    if data.dct_grid is not None:
        elements += [Heading("On the 8×8 DCT grid"), Figure(figures.dct_grid(data.dct_grid), _DCT_CAPTION)]
    return elements


def _left_out(data: ReportData) -> list[Element]:
    """What each block does on sources that a refit has not seen."""
    results = {
        source: {drop["block"]: drop for drop in result["label_free"]["block_drops"]}
        for source, result in data.evaluation["leave_one_source_out"].items()
        if "block_drops" in result["label_free"]
    }
    if not 0 < len(results) <= MAX_SOURCES:
        return []
    blocks = list(next(iter(results.values())))
    rows = [[block, *(_fall(of_source[block]) for of_source in results.values())] for block in blocks]
    columns = [
        Column("block", is_text=True),
        *(Column(say("{source} left out", source=source)) for source in results),
    ]
    return [Heading("On sources left out"), Table(columns, rows, _LEFT_OUT_CAPTION)]


def _fall(drop: dict[str, Any]) -> Cell:
    names = {"value": "auc_drop", "low": "auc_drop_low", "high": "auc_drop_high"}
    return with_interval({key: drop[name] for key, name in names.items()}, signed=True)


def _stability(table: pd.DataFrame) -> list[Element]:
    if table.empty:
        return []
    rows: list[list[str | Cell]] = [
        [
            say("{between}, {level}", between=row["between"], level=row["level"]),
            number(int(row["runs"])),
            _with_lowest(row["rank_correlation"], row["lowest_correlation"]),
            number(int(row["top"])),
            _with_lowest(row["top_shared"], row["lowest_shared"]),
        ]
        for row in table.to_dict("records")
    ]
    names = ("runs", "rank correlation", "first", "of them shared")
    columns = [Column("between", is_text=True), *map(Column, names)]
    return [Heading("How stable it is"), Table(columns, rows, _STABILITY_CAPTION)]


def _with_lowest(mean: float, lowest: float) -> Cell:
    return (
        Cell(ABSENT)
        if is_absent(mean)
        else Cell(number(mean, 2), say("lowest {value}", value=number(lowest, 2)))
    )
