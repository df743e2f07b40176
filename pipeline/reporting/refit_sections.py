"""Sections of the report on quick refits of the stacker: without a block, without a source."""

from __future__ import annotations

from typing import Any

import pandas as pd

from models.bundle_info import OVERALL
from pipeline.evaluation import metrics
from pipeline.evaluation.ablation import MAX_TRAIN_IMAGES
from pipeline.reporting import figures as pictures
from pipeline.reporting.data import MAX_SOURCES, METRIC_LABELS, ReportData
from pipeline.reporting.elements import Cell, Column, Element, Figure, Paragraph, Section, Table
from pipeline.reporting.language import joined, say
from pipeline.reporting.number_format import ABSENT, number, percent, with_interval

SIGNIFICANT = 0.05  # of a p value that allows for the number of comparisons
LEFT_OUT_METRICS = ("auc", *(f"tpr_at_fpr_{name}" for name in metrics.FPR_BOUNDS), "ece")


def ablation(data: ReportData) -> Section:
    """Show the effect of dropping each block, and each block alone."""
    effects = data.effects
    if effects.empty:
        nothing = Paragraph("Not worked out: too few labelled images for a refit.")
        return Section("ablation", "What each block adds", [nothing])
    sources = [source for source in dict.fromkeys(effects["source"]) if source != OVERALL]
    shown = [OVERALL, *(sources if len(sources) <= MAX_SOURCES else [])]
    titles = ["overall" if source == OVERALL else source for source in shown]
    effect_of = {(effect["block"], effect["source"]): effect for effect in effects.to_dict("records")}
    blocks = list(dict.fromkeys(effects["block"]))
    rows = [_ablation_row(block, [effect_of[block, source] for source in shown]) for block in blocks]
    columns = [
        Column("block", is_text=True),
        Column("columns"),
        *(Column(say("without: {title}", title=title)) for title in titles),
        *(Column(say("alone: {title}", title=title)) for title in titles),
    ]
    full = [
        joined([title, number(effect_of[blocks[0], source]["auc_full"])])
        for title, source in zip(titles, shown)
    ]
    caption = say(
        "Without: change of val AUC when the block is left out (small: paired 95 % interval, each by itself; below zero the "
        "block helps). Alone: AUC of that block by itself. All are quick refits (few trees, at most about "
        "{images} train images, labelled fakes alone); with all blocks: {full}.",
        images=number(MAX_TRAIN_IMAGES),
        full=joined(full, ", "),
    )
    elements: list[Element] = [_missed(effects), Table(columns, rows, caption)]
    return Section("ablation", "What each block adds", elements)


def _ablation_row(block: str, effects: list[dict[Any, Any]]) -> list[str | Cell]:
    return [
        block,
        number(int(effects[0]["columns"])),
        *(_drop(effect) for effect in effects),
        *(number(effect["auc_only"]) for effect in effects),
    ]


def _drop(effect: dict[Any, Any]) -> Cell:
    figure = {"value": effect["drop_effect"], "low": effect["drop_low"], "high": effect["drop_high"]}
    return with_interval(figure, 4, signed=True)


def _missed(effects: pd.DataFrame) -> Paragraph:
    """Name the blocks whose effect is beyond chance among so many comparisons."""
    overall = effects[effects["source"] == OVERALL]
    sure = overall["drop_p_holm"] < SIGNIFICANT
    missed = overall.loc[sure & (overall["drop_effect"] < 0), "block"].tolist()
    better = overall.loc[sure & (overall["drop_effect"] > 0), "block"].tolist()
    text = say("Left out, these blocks are missed beyond chance: {blocks}.", blocks=", ".join(missed))
    if not missed:
        text = say("No single block is missed beyond chance: the others know what it knows.")
    more = [say("AUC rises without {blocks}.", blocks=", ".join(better))] if better else []
    tested = number(int(overall["drop_p_holm"].notna().sum()))
    more.append(
        say("Beyond chance: after Holm's correction for {tested} blocks, on all val images.", tested=tested)
    )
    return Paragraph(joined([text, *more]))


def learning_curve(data: ReportData) -> Section:
    """Show what a part of the training groups gives, at the level of the stacker."""
    title, points = "What more images would bring", data.learning
    if points.empty:
        return Section("learning", title, [Paragraph("Not worked out: too few labelled images for a refit.")])
    means = points.groupby("share")["auc"].mean()
    listed = [
        say("{share} of the groups: {auc}", share=percent(share, 0), auc=number(auc))
        for share, auc in means.items()
    ]
    text = say("AUC on val of quick refits to a part of the groups: {listed}.", listed=joined(listed, ", "))
    caption = (
        "A point is a refit of the stacker, drawn three times below 100 %; whisker: 95 % interval by group. The nets have seen "
        "all of train, so this is the trees' curve: that of the nets would be steeper."
    )
    return Section("learning", title, [Paragraph(text), Figure(pictures.learning(points), caption)])


def sources_left_out(data: ReportData) -> Section:
    """Show each source as scored by a stacker that was refitted without it."""
    title, results = "Sources it has not seen", data.evaluation["leave_one_source_out"]
    if not results:
        text = "All images come from one source, so none can be left out. groups.csv names sources."
        return Section("sources", title, [Paragraph(text)])
    unseen = [
        Paragraph(
            say(
                "{source} has no training image: every val figure of it is one of an unseen source.",
                source=source,
            )
        )
        for source, result in results.items()
        if not result["in_train"]
    ]
    labelled_nets = bool(data.info.blocks_of("net"))
    rows = []
    for source, result in results.items():
        optimistic = labelled_nets and result["in_train"]
        everything = "all blocks (optimistic: the nets saw it)" if optimistic else "all blocks"
        rows.append(_left_out_row(source, "blocks that never saw a label (honest)", result["label_free"]))
        rows.append(_left_out_row(source, everything, result["all_blocks"]))
    figures = ("AUC, source seen", "AUC, source left out", *(METRIC_LABELS[m] for m in LEFT_OUT_METRICS[1:]))
    columns = [Column("source", is_text=True), Column("blocks", is_text=True), *map(Column, figures)]
    caption = (
        "Each source's val images, scored by a quick refit on the train images of the other sources. Optimistic: the "
        "fine-tuned nets themselves were trained on every source in train. Honest: detection, spectra and frozen nets only."
    )
    return Section("sources", title, [*unseen, Table(columns, rows, caption)])


def _left_out_row(source: str, blocks: str, result: dict[str, Any]) -> list[str | Cell]:
    if result["reason"] is not None:
        return [source, joined([blocks, ": ", result["reason"]], ""), *[ABSENT] * (1 + len(LEFT_OUT_METRICS))]
    left_out = [with_interval(result[metric]) for metric in LEFT_OUT_METRICS]
    return [source, blocks, number(result.get("auc_seen")), *left_out]
