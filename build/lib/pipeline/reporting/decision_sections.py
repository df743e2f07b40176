"""Sections of the report on what a score is good for: as a probability, and as an answer."""

from __future__ import annotations

from typing import Any

from models.bundle_info import OVERALL
from pipeline.reporting.data import ReportData
from pipeline.reporting.elements import Cell, Column, Element, Paragraph, Section, Table
from pipeline.reporting.language import Text, joined, say
from pipeline.reporting.number_format import ABSENT, number, percent, with_interval


def calibration(data: ReportData) -> Section:
    """Show whether scores are probabilities: log losses in pairs, and the ECE beside that of a perfect model."""
    title, results = "Scores as probabilities", data.evaluation["calibration"]
    if not results:
        return Section(
            "calibration", title, [Paragraph("No labelled val image, so nothing can be compared.")]
        )
    prior = percent(data.info.prior)
    text = say(
        "y_pred is the probability of deepfake for the mix of classes in training, {prior} fakes. Where fakes are rarer it is "
        "too high, and python -m pipeline.predict --prior P converts it to the share P.",
        prior=prior,
    )
    val = data.evaluation["val"]
    summaries = {"overall": val["overall"], **val["by_source"]}
    rows = [_calibration_row(name, result, summaries[name]["ece"]) for name, result in results.items()]
    columns = [
        Column("val", is_text=True),
        *map(Column, ("log loss", "minus base rate", "minus uncalibrated", "ECE", "ECE of a perfect model")),
    ]
    caption = (
        "Log loss is least for the right probabilities. Base rate: the rows' own share of fakes, said of every image. "
        "Uncalibrated: the fused evidence at the training mix. Differences in pairs, with 95 % intervals by group: below 0 the "
        "scores are better. A perfect model has an ECE above 0 too, for labels scatter: mean and 95 % point of labels drawn "
        "from the scores."
    )
    return Section("calibration", title, [Paragraph(text), Table(columns, rows, caption)])


def _calibration_row(name: str, result: dict[str, Any], ece: dict[str, float]) -> list[str | Cell]:
    differences = [
        with_interval(result[rival]["difference"], signed=True) for rival in ("base_rate", "uncalibrated")
    ]
    floor = Cell(number(ece["floor"]), say("up to {high}", high=number(ece["floor_high"])))
    return [name, number(result["log_loss"]), *differences, number(ece["value"]), floor]


def answers(data: ReportData) -> Section:
    """Show the limits of the answers fake, real and undecided, and what they do on val."""
    title, limits = "Thresholds with a guarantee", data.evaluation["thresholds"]
    possible = [limit for limit in limits if None not in (limit["fake_above"], limit["real_below"])]
    some = [limit for limit in limits if (limit["fake_above"], limit["real_below"]) != (None, None)]
    text = (
        "Of a score above the upper limit say fake, of one below the lower limit real, of others undecided. With 95 % "
        "confidence, each limit by itself, at most the wanted share of real faces is called fake, and of fakes real: for "
        "images of new groups, from sources and kinds of fake like those of training, in their mix. The limits come from "
        "images that no net and no tree has seen (manifest.calibration), one of each group, not from val; val shows what "
        "they do."
    )
    elements: list[Element] = [Paragraph(text), *_impossible(limits)]
    if some:
        names = ("share wanted", "fake above", "real below", "fakes found", "reals passed", "undecided")
        columns = [Column("source", is_text=True), *map(Column, names)]
        caption = "Small, on val: the share of reals called fake, of fakes called real."
        elements.append(Table(columns, [_limit_row(limit) for limit in some], caption))
    if some and not possible:
        elements.append(
            Paragraph("No wanted share has both limits: one answer of the two is always missing.")
        )
    return Section("answers", title, elements)


def _limit_row(limit: dict[str, Any]) -> list[str | Cell]:
    return [
        _name(limit["source"]),
        percent(limit["rate"]),
        number(limit["fake_above"], 4),
        number(limit["real_below"], 4),
        _with_error(limit["tpr"], limit["fpr"]),
        _with_error(limit["tnr"], limit["fnr"]),
        percent(limit["undecided"]),
    ]


def _with_error(share: float | None, error: float | None) -> Cell:
    return (
        Cell(ABSENT)
        if share is None and error is None
        else Cell(percent(share), say("error {error}", error=percent(error)))
    )


def _impossible(limits: list[dict[str, Any]]) -> list[Paragraph]:
    """Say for which shares the images are too few, and how many it takes."""
    lines = []
    for source in dict.fromkeys(limit["source"] for limit in limits):
        own = [limit for limit in limits if limit["source"] == source]
        missing = [limit for limit in own if None in (limit["fake_above"], limit["real_below"])]
        if missing:
            lines.append(_too_few(_name(source), own[0], missing))
    if not lines:
        return []
    hint = "More labelled images in more groups, or a larger manifest.calibration, give lower shares:"
    return [Paragraph(joined([hint, *lines]))]


def _too_few(name: str, limit: dict[str, Any], missing: list[dict[str, Any]]) -> Text:
    wanted = [
        say("{needed} for {rate}", needed=number(each["needed"]), rate=percent(each["rate"]))
        for each in missing
    ]
    return say(
        "{name}: {reals} groups with a real face and {fakes} with a fake were kept back; of each it takes {wanted}.",
        name=name,
        reals=number(limit["reals"]),
        fakes=number(limit["fakes"]),
        wanted=joined(wanted, ", "),
    )


def _name(source: str) -> str:
    return "overall" if source == OVERALL else source
